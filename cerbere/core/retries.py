"""Tasks of the background queue that are tried again after a list of waits, then given up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django_tasks import TaskContext, TaskResultStatus
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

ERASED: dict[str, object] = {"args": [], "kwargs": {}}  # how the queue writes a task without arguments


def next_attempt_at(waits: Sequence[timedelta], attempt: int, now: datetime) -> datetime | None:
    """Return when to try again after this attempt, counted from 1; None after the last: the task is given up."""
    return now + waits[attempt - 1] if attempt <= len(waits) else None


def erase_arguments(context: TaskContext) -> None:
    """Remove the arguments of a task that has done its work from the row that the queue keeps."""
    DBTaskResult.objects.filter(pk=context.task_result.id).update(args_kwargs=ERASED)


def requeue_abandoned(task: Task[Any, Any], taken_before: datetime) -> None:
    """Queue again the tasks that a worker took before this moment and that did not come to an end.

    The worker was killed (the task is still « running ») or stopped while it had the task (« failed »). A task whose
    arguments are erased has done its work, whatever its status is.
    """
    unfinished = (TaskResultStatus.RUNNING, TaskResultStatus.FAILED)
    taken = DBTaskResult.objects.filter(task_path=task.module_path, status__in=unfinished)
    abandoned = taken.exclude(started_at__gt=taken_before).exclude(args_kwargs=ERASED)
    abandoned.update(status=TaskResultStatus.READY)
