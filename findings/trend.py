"""One row a day for each subscription: what the trend is drawn from."""

from django.db import connection


def count_day() -> int:
    """Write today's counts over the earlier ones. Returns how many subscriptions were counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO findings_dailycount (subscription_id, day, critical, high, medium, low,
                unknown, healthy_images, unhealthy_images, unverified_images)
            SELECT g.subscription_id, (now() AT TIME ZONE 'UTC')::date,
                sum(v.critical), sum(v.high), sum(v.medium), sum(v.low), sum(v.unknown),
                count(*) FILTER (WHERE v.state = 'healthy'),
                count(*) FILTER (WHERE v.state = 'unhealthy'),
                count(*) FILTER (WHERE v.state = 'unverified')
            FROM registries_registry g
            JOIN registries_image i ON i.registry_id = g.id
            JOIN findings_imageverdict v ON v.image_id = i.id
            GROUP BY g.subscription_id
            ON CONFLICT (subscription_id, day) DO UPDATE SET critical = excluded.critical,
                high = excluded.high, medium = excluded.medium, low = excluded.low,
                unknown = excluded.unknown, healthy_images = excluded.healthy_images,
                unhealthy_images = excluded.unhealthy_images,
                unverified_images = excluded.unverified_images
            """
        )
        return cursor.rowcount
