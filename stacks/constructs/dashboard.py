"""A dashboard of sections: a heading, then its widgets side by side."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

COLUMNS = 24


class SectionedDashboard(Construct):
    """Every widget of a section is as wide as the others and takes its share of the row."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self._dashboard = cloudwatch.Dashboard(self, "Dashboard", period_override=cloudwatch.PeriodOverride.AUTO)

    def note(self, markdown: str) -> None:
        self._dashboard.add_widgets(cloudwatch.TextWidget(markdown=markdown, width=COLUMNS, height=3))

    def states(self, title: str, alarms: Sequence[cloudwatch.IAlarm]) -> None:
        self._dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title=title, alarms=list(alarms), width=COLUMNS, height=4)
        )

    def section(self, heading: str, graphs: Sequence[Graph]) -> None:
        self._dashboard.add_widgets(cloudwatch.TextWidget(markdown=f"## {heading}", width=COLUMNS, height=1))
        self._dashboard.add_widgets(*(graph.widget(COLUMNS // len(graphs)) for graph in graphs))


class Graph:
    """Lines over time; `limit` draws where an alarm looks."""

    def __init__(
        self, title: str, *metrics: cloudwatch.IMetric, unit: str | None = None, limit: float | None = None
    ) -> None:
        self._title = title
        self._metrics = metrics
        self._unit = unit
        self._limit = limit

    def widget(self, width: int) -> cloudwatch.GraphWidget:
        lines = [] if self._limit is None else [cloudwatch.HorizontalAnnotation(value=self._limit, label="alarm")]
        axis = cloudwatch.YAxisProps(min=0, label=self._unit, show_units=self._unit is None)
        return cloudwatch.GraphWidget(
            title=self._title, left=list(self._metrics), left_annotations=lines, left_y_axis=axis, width=width
        )
