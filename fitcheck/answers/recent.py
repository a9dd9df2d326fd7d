"""Models as they were just loaded, so that what was worked out on one card serves the next."""

from collections import OrderedDict
from typing import Final

from fitcheck.answers.asked import Job
from fitcheck.architecture import Model
from fitcheck.engines.base import Loaded
from fitcheck.resolve import Subject

# One model in the usual schemes, held against many machines: no more is ever asked in turn.
MOST: Final = 8
# By the model's identity, with the model beside, so that no other one takes that identity.
_recent: Final[OrderedDict[tuple[int, str, str, bool | None], tuple[Model, Loaded]]] = OrderedDict()


def loaded(subject: Subject, job: Job) -> Loaded:
    """The model under the job's scheme. Raises BadInput where the engine does not run it."""
    model = subject.model
    assert model is not None
    key = (id(model), job.engine.name, job.scheme.name, job.scheme.imatrix)
    if subject.checkpoint is not None:  # files say more than the model
        return job.engine.load(model, job.scheme, subject.checkpoint)
    if key not in _recent:
        _recent[key] = model, job.engine.load(model, job.scheme)
        if len(_recent) > MOST:
            _recent.popitem(last=False)
    _recent.move_to_end(key)
    return _recent[key][1]
