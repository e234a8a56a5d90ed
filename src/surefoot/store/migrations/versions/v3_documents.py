"""Version 3: documents that are made of a study later, one of each kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the table; no study has a document yet."""
    op.create_table(
        "surefoot_documents",
        sa.Column("study", sa.Integer, sa.ForeignKey("surefoot_studies.id"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
