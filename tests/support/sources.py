"""What every source on the network owes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.fakes.fake_bnum import DEADLINE
from twofactor.sources import SourceUnavailable


@contextmanager
def unavailable_in_time(caplog: pytest.LogCaptureFixture, *secrets: str) -> Iterator[None]:
    """Check that the block finds its source unavailable before the deadline, and that no secret is logged."""
    start = time.monotonic()
    with pytest.raises(SourceUnavailable):
        yield
    assert time.monotonic() - start < DEADLINE + 0.7
    assert "source_unavailable" in caplog.text
    assert not [secret for secret in secrets if secret in caplog.text]
