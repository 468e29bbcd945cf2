"""What a job used, provider by provider, and what that costs by the operator's prices; also of a job that failed or was cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from worker_node.job_notes import JobNotes
from worker_node.providers.settings import ProviderSettings, model_name


def usage_of(kind: str, providers: Sequence[ProviderSettings], notes: JobNotes) -> list[dict[str, Any]]:
    """For `result.usage`: `provider`, `model`, `units` and `cost`, a decimal text. One that is not listed any more costs nothing."""
    listed = {provider.label: provider for provider in providers}
    return [_row(kind, label, listed.get(label), units) for label, units in notes.units.items()]


def _row(kind: str, label: str, settings: ProviderSettings | None, units: dict[str, float]) -> dict[str, Any]:
    price = settings.price if settings else {}
    cost = sum((Decimal(str(amount)) * price.get(unit, Decimal(0)) for unit, amount in units.items()), Decimal(0))
    model = model_name(kind, settings) if settings else ""
    return {"provider": label, "model": model, "units": units, "cost": f"{cost.normalize():f}"}
