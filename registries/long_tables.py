"""Admin lists of tables that machines fill: quick however long they are, and for reading only."""

from collections.abc import Mapping
from functools import cached_property

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

EXACT_BELOW = 10_000


class EstimatingPaginator(Paginator):
    """Counts a whole table by the planner's estimate, and anything filtered up to a limit."""

    @cached_property
    def count(self) -> int:
        query = self.object_list.query
        if not (query.where or query.distinct or query.is_sliced):
            estimate = _estimate(self.object_list.model._meta.db_table)
            if estimate >= EXACT_BELOW:
                return estimate
        return self.object_list.order_by()[:EXACT_BELOW].count()


class KnownValues(admin.SimpleListFilter):
    """By the values a column may have; asking the table which it holds would read all of it."""

    values: Mapping[str, str]

    def lookups(self, request: HttpRequest, model_admin):
        return list(self.values.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class InItsOrder(ChangeList):
    """A list that an address cannot put into another order."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[str]:
        return list(self.model_admin.ordering)


class LongTable(admin.ModelAdmin):
    """Newest first, by the primary key; without the orders, counts and joins that grow with the
    table. `search_fields` are compared with the whole of what is typed, each by an index."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ["-pk"]
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **more) -> type[ChangeList]:
        return InItsOrder

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        term = search_term.strip()
        return (queryset.filter(pk__in=self.found(term)) if term else queryset), False

    def found(self, term: str) -> QuerySet:
        """The keys of the rows that a term finds: an index is asked for each field, where an OR
        over joins would read the tables."""
        rows = self.model._default_manager.order_by()
        one, *others = [rows.filter(**{field: term}).values("pk") for field in self.search_fields]
        return one.union(*others) if others else one

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


def _estimate(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        return cursor.fetchone()[0]
