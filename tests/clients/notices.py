"""Logout notices on their way, without a worker that waits."""

from django_tasks_db.management.commands.db_worker import Worker


def deliver_notices() -> None:
    """What the background worker does with all that is due now."""
    Worker(queue_names=["default"], interval=0, batch=True, backend_name="default", startup_delay=False, max_tasks=None,
           worker_id="tests", excluded_queue_names=[]).run()  # fmt: skip
