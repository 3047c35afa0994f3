"""Charges are derived from finished scans, so they can be recomputed and audited."""

from django.conf import settings
from django.db import connection

# A digest is charged to a subscription by the first scan there that read it. What could not be
# read, a rescan, a second tag, repository or registry adds nothing; without a plan nothing is
# scanned. The ledger says how far it has come: what finished a day before its last entry was seen
# when that was written, as no transaction takes so long and no clock goes so wrong.
# The order lets two runs at the same time wait for each other instead of dying of a deadlock.
_DERIVE = """
    INSERT INTO billing_charge
        (subscription_id, digest, registry, repository, scan, scanned_at, amount, currency)
    SELECT DISTINCT ON (scan.subscription_id, scan.digest)
        scan.subscription_id, scan.digest, scan.registry, scan.repository, scan.id,
        scan.finished_at, %(amount)s, %(currency)s
    FROM scans_scan scan
    WHERE scan.state = 'done' AND scan.result = 'indexed'
      AND scan.finished_at >= coalesce(
          (SELECT least(scanned_at, now()) - interval '1 day'
           FROM billing_charge ORDER BY id DESC LIMIT 1),
          '-infinity')
      AND NOT EXISTS (
          SELECT FROM billing_charge charge
          WHERE charge.subscription_id = scan.subscription_id AND charge.digest = scan.digest)
    ORDER BY scan.subscription_id, scan.digest, scan.finished_at, scan.id
    ON CONFLICT (subscription_id, digest) DO NOTHING
"""


def derive() -> int:
    """Charge every digest that was scanned for the first time; how many charges are new.

    The price is the one that is set now. Safe to run twice, also at the same time.
    """
    price = {"amount": settings.PRICE_PER_IMAGE, "currency": settings.PRICE_CURRENCY}
    with connection.cursor() as cursor:
        cursor.execute(_DERIVE, price)
        return cursor.rowcount
