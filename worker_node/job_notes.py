"""What is noted of a job while it runs, so that a killed one goes on where it was: on the node's disk, and read by its next run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JobNotes(BaseModel):
    """`provider` is the label of the one at work and `remembered` its own id of the job. `asking` is the call whose answer is waited
    for; a run that finds it set repeats that call, which may be paid twice: `repeated` counts those. `resumed` counts the node's starts.
    `units` is what the job used so far, by the label of who used it, whether or not they got it done."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    provider: str = ""
    remembered: str = ""
    asking: str = ""
    repeated: int = 0
    resumed: int = 0
    units: dict[str, dict[str, float]] = Field(default_factory=dict)
