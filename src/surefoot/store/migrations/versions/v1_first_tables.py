"""Version 1: studies, runs, points, decisions and documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Create the tables as they were first released."""
    op.create_table("surefoot_schema", sa.Column("version", sa.Integer, primary_key=True))
    op.create_table(
        "surefoot_studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("profile", sa.Text),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
    )
    op.create_table(
        "surefoot_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study", sa.Integer, sa.ForeignKey("surefoot_studies.id"), nullable=False),
        sa.Column("optimizer", sa.Text, nullable=False),
        sa.Column("hyperparameters", sa.Text, nullable=False),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("seconds_per_step", sa.Double),
        sa.Column("state_bytes", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False, server_default=""),
        sa.UniqueConstraint("study", "phase", "seed", "optimizer", "hyperparameters", "schedule"),
    )
    op.create_table(
        "surefoot_points",
        sa.Column("run", sa.Integer, sa.ForeignKey("surefoot_runs.id"), primary_key=True),
        sa.Column("progress", sa.Double, primary_key=True),
        sa.Column("seconds", sa.Double),
        sa.Column("value", sa.Double),
    )
    op.create_table(
        "surefoot_decisions",
        sa.Column("study", sa.Integer, sa.ForeignKey("surefoot_studies.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seconds", sa.Double),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_table(
        "surefoot_documents",
        sa.Column("study", sa.Integer, sa.ForeignKey("surefoot_studies.id"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.bulk_insert(sa.table("surefoot_schema", sa.column("version", sa.Integer)), [{"version": 1}])
