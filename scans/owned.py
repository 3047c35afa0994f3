"""Which language packages an image leaves out, as its distribution's packages brought them."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

_MOST = 20


@dataclass(frozen=True)
class Owned:
    name: str
    version: str
    path: str
    owner: str


def owned_packages(image_id: int, names: Collection[str]) -> list[Owned]:
    """Those of the layers' records that bear one of these names, however it is written ("A_b" is
    "a-b"): one query, that reads only the records of an image's layers which say who owns what."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT c.row->>1, coalesce(c.row->>2, ''), o.path, o.owner
            FROM scans_imagelayer s
            JOIN scans_layer l ON l.digest = s.digest AND l.record ? 'owned'
            CROSS JOIN LATERAL jsonb_each_text(l.record->'owned') AS o(path, owner)
            CROSS JOIN LATERAL jsonb_array_elements(
                CASE jsonb_typeof(l.record->'files'->o.path)
                    WHEN 'array' THEN l.record->'files'->o.path ELSE '[]' END) AS c(row)
            WHERE s.report_id = %s
              AND regexp_replace(lower(c.row->>1), '[-_.]+', '-', 'g') = ANY(
                    SELECT regexp_replace(lower(n), '[-_.]+', '-', 'g') FROM unnest(%s::text[]) n)
            ORDER BY 1, 2, 3 LIMIT %s
            """,
            [image_id, list(names), _MOST],
        )
        return [Owned(*row) for row in cursor.fetchall()]
