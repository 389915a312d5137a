"""What SDKs ask a daemon before they sample: one rule, that everything is sampled.

The answers are those of `GetSamplingRules` and `GetSamplingTargets` (AWS X-Ray API reference).
"""

from typing import Any

_INTERVAL_S = 10
_QUOTA_S = 3600
_EVERYTHING = {
    "RuleName": "Default",
    "RuleARN": "arn:aws:xray:::sampling-rule/Default",
    "ResourceARN": "*",
    "Priority": 10000,
    "FixedRate": 1.0,
    "ReservoirSize": 1,
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "Version": 1,
    "Attributes": {},
}
_NEVER_CHANGED = 0


def rules() -> dict[str, Any]:
    """The answer to `POST /GetSamplingRules`. Times are seconds since 1970."""
    record = {"SamplingRule": _EVERYTHING, "CreatedAt": _NEVER_CHANGED, "ModifiedAt": _NEVER_CHANGED}
    return {"SamplingRuleRecords": [record], "NextToken": None}


def targets(now_s: int) -> dict[str, Any]:
    """The answer to `POST /SamplingTargets`, whatever the statistics say."""
    target = {
        "RuleName": _EVERYTHING["RuleName"],
        "FixedRate": 1.0,
        "ReservoirQuota": 1,
        "ReservoirQuotaTTL": now_s + _QUOTA_S,
        "Interval": _INTERVAL_S,
    }
    return {
        "SamplingTargetDocuments": [target],
        "LastRuleModification": _NEVER_CHANGED,
        "UnprocessedStatistics": [],
    }
