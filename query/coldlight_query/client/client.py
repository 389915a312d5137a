"""The client: the table of routes."""

from coldlight_query import models
from coldlight_query.client.connection import Connection
from coldlight_query.client.frames import Frames
from coldlight_query.cost import models as cost
from coldlight_query.invocations import models as invocations
from coldlight_query.issues import models as issues
from coldlight_query.otlp_metrics import models as otlp_metrics
from coldlight_query.routes.cost import CostParameters, MonthParameters, PriceParameters, WasteParameters
from coldlight_query.routes.functions import (
    DeploymentsParameters,
    FunctionParameters,
    FunctionsParameters,
    RunsParameters,
)
from coldlight_query.routes.issues import IssueParameters
from coldlight_query.routes.log_parameters import LogContextParameters, LogSearchParameters
from coldlight_query.routes.otlp_metrics import MetricNameParameters
from coldlight_query.routes.parameters import PageParameters, Parameters, SearchParameters
from coldlight_query.routes.red import MetricParameters
from coldlight_query.routes.service_map import MapParameters
from coldlight_query.routes.transactions import TransactionParameters, TransactionSearchParameters
from coldlight_query.service_map import models as service_map
from coldlight_query.tables.layout import Layout
from coldlight_query.transactions import models as transactions

_TRANSACTION_ID = ("transaction_id",)


class Client:
    """Asks a query service, and answers data frames; docs/notebooks.md says what is in them.

    Every function takes the parameters of its route (`/docs` of the query service), times as RFC 3339 text. Without a `limit` it
    follows the pages until there are `max_rows` rows, and warns when there are more. `attrs` of a frame has what the answer says
    beside its rows.

    All of them raise `Refused` when the query service answers with a problem, and ConnectionError when it does not answer.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:4319", token: str | None = None, max_rows: int = 100_000
    ) -> None:
        self.url = url
        get = Frames(Connection(url, token), max_rows)

        self.traces = get.of_list("traces", SearchParameters, models.Traces)
        self.trace = get.of_one("traces/{}", PageParameters, models.Trace, Layout(("spans",)))
        self.trace_logs = get.of_one("traces/{}/logs", PageParameters, models.Logs, Layout(("logs",)))

        self.logs = get.of_list("logs", LogSearchParameters, models.FoundLogs)
        self.log_context = get.of_one(
            "logs/{}/context", LogContextParameters, models.LogContext, Layout(("before", "record", "after"))
        )

        self.metric_names = get.of_list("metrics", MetricNameParameters, otlp_metrics.Metrics)
        self.metrics = get.of_list("metrics/query", MetricParameters, models.MetricSeries)
        self.service_map = get.of_list("service-map", MapParameters, service_map.ServiceMap)

        self.functions = get.of_list("functions", FunctionsParameters, invocations.Functions)
        self.function = get.of_one(
            "functions/{}", FunctionParameters, invocations.FunctionOfStretch, Layout(("function",))
        )
        self.function_versions = get.of_one(
            "functions/{}",
            FunctionParameters,
            invocations.FunctionOfStretch,
            Layout(("function",), "versions"),
        )
        self.invocations = get.of_one(
            "functions/{}/invocations", RunsParameters, invocations.Invocations, Layout(("invocations",))
        )
        self.invocation = get.of_one(
            "invocations/{}", Parameters, invocations.RunsOfRequest, Layout(("invocations",))
        )
        self.deployments = get.of_list("deployments", DeploymentsParameters, invocations.Deployments)

        self.transactions = get.of_list(
            "transactions", TransactionSearchParameters, transactions.TransactionList
        )

        transaction = "transactions/{}", TransactionParameters, transactions.Transactions
        self.transaction = get.of_one(*transaction, Layout(("transactions",)))
        self.transaction_hops = get.of_one(*transaction, _part_of_transaction("hops"))
        self.transaction_invocations = get.of_one(*transaction, _part_of_transaction("invocations"))
        self.transaction_costs = get.of_one(*transaction, _part_of_transaction("cost_parts"))
        self.transaction_messages = get.of_one(*transaction, _part_of_transaction("messages"))
        self.transaction_timeline = get.of_one(*transaction, _part_of_transaction("timeline"))
        self.transaction_path = get.of_one(*transaction, _part_of_transaction("critical_path"))
        self.stack = get.of_one(
            "transactions/{}/stack",
            TransactionParameters,
            transactions.Stacks,
            Layout(("stacks",), "frames", _TRANSACTION_ID),
        )

        self.issues = get.of_list("issues", IssueParameters, issues.Issues)
        self.issue = get.of_one("issues/{}", Parameters, issues.Issue, Layout(()))
        self.issue_hours = get.of_one("issues/{}", Parameters, issues.Issue, Layout(("hours",)))
        self.issue_samples = get.of_one("issues/{}", Parameters, issues.Issue, Layout(("samples",)))

        self.costs = get.of_list("cost", CostParameters, cost.Spendings)
        self.waste = get.of_list("cost/waste", WasteParameters, cost.Waste)
        self.cost_of_month = get.of_one(
            "cost/months/{}",
            MonthParameters,
            cost.Month,
            Layout(("bills",), "lines", ("partition", "prices", "currency")),
        )
        self.prices = get.of_list(
            "cost/prices",
            PriceParameters,
            cost.Prices,
            Layout(("tables",), "prices", ("partition", "version")),
        )


def _part_of_transaction(part: str) -> Layout:
    return Layout(("transactions",), part, _TRANSACTION_ID)
