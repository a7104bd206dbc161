"""Which metrics and labels a PromQL expression names; enough of the language for our dashboard and alerts."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"\[[^\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w.:])([A-Za-z_:][\w:]*)\s*(?:\{([^}]*)\})?(\s*\()?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"')
_OPERATORS = {"and", "or", "unless", "bool", "offset"}


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """A condition on a label."""

    label: str
    operator: str
    value: str

    def accepts(self, value: str) -> bool:
        """Whether a label value passes."""
        found = re.fullmatch(self.value, value) is not None if "~" in self.operator else value == self.value
        return found is not self.operator.startswith("!")

    @property
    def wanted(self) -> list[str]:
        """The values that are asked for, taken apart at the bars of a regular expression."""
        return self.value.split("|") if "~" in self.operator else [self.value]


@dataclass(frozen=True, kw_only=True)
class Selector:
    """A metric with its conditions."""

    metric: str
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, kw_only=True)
class Expression:
    """What an expression refers to."""

    selectors: tuple[Selector, ...]
    grouping: frozenset[str]
    """Labels in ``by``, ``on`` and their like."""


def parse(text: str) -> Expression:
    """Take an expression apart."""
    grouping = {label.strip() for clause in _GROUPING.findall(text) for label in clause.split(",")}
    selectors = [
        Selector(metric=name, matchers=tuple(_matchers(conditions)))
        for name, conditions, call in _SELECTOR.findall(_GROUPING.sub("", _RANGE.sub("", text)))
        if not call and name not in _OPERATORS
    ]
    return Expression(selectors=tuple(selectors), grouping=frozenset(grouping))


def _matchers(conditions: str) -> list[Matcher]:
    return [
        Matcher(label=label, operator=operator, value=value) for label, operator, value in _MATCHER.findall(conditions)
    ]
