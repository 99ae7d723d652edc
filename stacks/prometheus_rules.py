"""What Prometheus watches: the service's own metrics, as service/metrics.py names them, for each problem."""

from __future__ import annotations

RULES = """\
groups:
  - name: evergreen
    rules:
      - alert: NoModelAnswers
        expr: max by (problem) (evergreen_model_loaded) < 1
        for: 5m
        labels: {severity: page}
        annotations: {summary: "No replica of {{ $labels.problem }} has a model"}
      - alert: ErrorRate
        expr: >-
          sum by (problem) (rate(evergreen_requests_total{status=~"5.."}[5m]))
          / sum by (problem) (rate(evergreen_requests_total[5m])) > 0.05
        for: 5m
        labels: {severity: page}
        annotations: {summary: "More than 5 % of the answers of {{ $labels.problem }} are errors of its own"}
      - alert: SlowAnswers
        expr: >-
          histogram_quantile(0.99, sum by (problem, le)
          (rate(evergreen_request_seconds_bucket{route="/predict"}[5m]))) > 1
        for: 10m
        labels: {severity: ticket}
        annotations: {summary: "One prediction in a hundred of {{ $labels.problem }} takes over a second"}
      - alert: RegistryOutOfReach
        expr: min by (problem) (evergreen_registry_up) < 1
        for: 15m
        labels: {severity: ticket}
        annotations: {summary: "{{ $labels.problem }} serves its last model; it cannot see releases"}
      - alert: BundleRefused
        expr: sum by (problem) (increase(evergreen_bundles_refused_total[30m])) > 0
        labels: {severity: ticket}
        annotations: {summary: "{{ $labels.problem }} refused a released bundle: broken or out of reach"}
"""
