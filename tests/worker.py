"""The background worker, as far as a test wants it to go."""

from django_tasks_db.management.commands.db_worker import Worker


def work() -> None:
    """What the background worker does with all that is due now: mails, logout notices."""
    Worker(queue_names=["default"], interval=0, batch=True, backend_name="default", startup_delay=False, max_tasks=None,
           worker_id="tests", excluded_queue_names=[]).run()  # fmt: skip
