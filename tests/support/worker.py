"""The background worker, as far as a test wants it to go."""

from unittest.mock import patch

from django_tasks_db.management.commands import db_worker


def run_worker() -> None:
    """Run the background worker on all that is due now: e-mails, logout notices."""
    worker = db_worker.Worker(
        queue_names=["default"], interval=0, batch=True, backend_name="default", startup_delay=False, max_tasks=None,
        worker_id="tests", excluded_queue_names=[],
    )  # fmt: skip
    with patch.object(db_worker, "close_old_connections"):  # the suite's transaction lives on its connection
        worker.run()
