"""A user, and a client that is logged in as that user."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.kit.api import client_of
from tests.kit.queue import make_user


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


@pytest.fixture
def api(ada: Any) -> APIClient:
    return client_of(ada)
