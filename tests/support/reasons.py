"""What the rules say of the decisions of tests, in their order."""

from __future__ import annotations

from ml.core.record import Reason

BETTER = (
    "Better: the gain in roc_auc is 0.0062, between 0.0038 and 0.0086 (each bound at 95 %); the policy asks for 0.001 "
    "at least."
)
INCONCLUSIVE = (
    "Inconclusive: the gain in r2 is 0.0018, between -0.0021 and 0.0057 (each bound at 95 %), which does not exclude a "
    "tie; on these rows a gain below about 0.0039 cannot be told from chance."
)
ABOVE = "roc_auc is 0.8342 (0.827 to 0.841), at or above the floor of 0.75."

_SAID: dict[str, dict[str, tuple[bool, str]]] = {
    "flights": {
        "unseen_rows": (True, "214 of 15,960 holdout rows were taken out because a model was trained on them."),
        "minimum_rows": (True, "15,746 rows judge the models; the policy asks for 200 at least."),
        "target": (True, "The target varies on the rows."),
        "labels": (True, "roc_auc is 0.7433 on rows set aside in training and 0.7412 here, within the gap of 0.03."),
        "leak": (True, "The strongest single feature, sched_dep_time, reaches ROC AUC 0.6413 alone, below 0.97."),
        "parity": (True, "64 golden rows over HTTP equal scikit-learn's outputs within 1e-09."),
        "same_bundle": (True, "The bundle c4a11e777777 is new: it differs from the champion's c4a310222222."),
        "same_inputs": (True, "The challenger learnt from other data than the champion."),
        "rolled_back": (True, "Version 12 was never rolled back."),
        "synthetic": (True, "No model that learnt from real rows would be replaced by one from made-up ones."),
        "first_release": (True, "There is a champion, version 11."),
        "floor:roc_auc": (True, "roc_auc is 0.7412 (0.7318 to 0.7506), at or above the floor of 0.6."),
        "gain": (True, BETTER),
        "guard:log_loss": (True, "log_loss gains 0.0021, between 0.0008 and 0.0034; a loss of 0.005 is allowed."),
        "guard:brier": (True, "brier loses 0.0004, between -0.0005 and 0.0013; a loss of 0.002 is allowed."),
        "slices": (True, "None of 11 slices is harmed by more than 0.02; 2 were not tested."),
        "calibration": (True, "The expected calibration error is 0.021 (0.017 to 0.026), within 0.05."),
        "latency": (True, "A row takes 0.31 ms of CPU; the budget is 2 ms."),
        "size": (True, "The bundle has 1.84 MB; the budget is 20 MB."),
    },
    "housing": {
        "unseen_rows": (True, "None of the 4,128 holdout rows was used to train either model."),
        "minimum_rows": (True, "4,128 rows judge the models; the policy asks for 200 at least."),
        "floor:r2": (True, "r2 is 0.8421 (0.8312 to 0.8523), at or above the floor of 0.7."),
        "floor:mae": (True, "mae is 30,412 (29,480 to 31,377), at or below the ceiling of 45000."),
        "gain": (False, INCONCLUSIVE),
        "guard:mae": (True, "mae loses 212, between -48 and 472 (each bound at 95 %); a loss of 500 is allowed."),
        "slices": (False, "Harmed: ocean_proximity INLAND loses 0.0712 in r2, more than the 0.05 allowed (p 0.003)."),
        "calibration": (True, "88.1 % of the rows lie within the stated 90 % interval; 3 points off is allowed."),
        "latency": (True, "A row takes 1.74 ms of CPU; the budget is 2 ms."),
        "size": (True, "The bundle has 4.21 MB; the budget is 20 MB."),
    },
    "insurance": {
        "unseen_rows": (True, "None of the 4,000 holdout rows was used to train either model."),
        "minimum_rows": (True, "4,000 rows judge the models; the policy asks for 200 at least."),
        "first_release": (True, "There is no champion; the policy lets the floors decide."),
        "floor:roc_auc": (True, ABOVE),
        "gain": (True, "Compared with no champion: the floors alone decide."),
        "calibration": (True, "The expected calibration error is 0.021 (0.017 to 0.026), within 0.03."),
        "latency": (True, "A row takes 0.31 ms of CPU; the budget is 2 ms."),
    },
}


def reasons(problem: str) -> tuple[Reason, ...]:
    return tuple(Reason(rule=rule, passed=passed, text=text) for rule, (passed, text) in _SAID[problem].items())
