"""Version 2: the cause of a failed run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add `cause`; of the runs that failed before, it is not known."""
    op.add_column("surefoot_runs", sa.Column("cause", sa.Text, nullable=False, server_default=""))
