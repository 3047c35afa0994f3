"""Admin lists of tables that machines fill: quick however long they are, and for reading only."""

from functools import cached_property

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection

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


class LongTable(admin.ModelAdmin):
    """Newest first, by the primary key; without the counts and joins that grow with the table."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ["-pk"]

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


def _estimate(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        return cursor.fetchone()[0]
