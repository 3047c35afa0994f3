import pytest

from registries import plans
from registries.models import PlanSwitch, Subscription
from tests.registries.threads import together


def test_a_switch_is_kept_with_who_when_and_what(subscription, make_user):
    actor = make_user()
    assert plans.switch(subscription, True, actor)
    entry = PlanSwitch.objects.get()
    assert (entry.actor, entry.enabled_before, entry.enabled_after) == (actor, False, True)
    assert subscription.plan_enabled
    assert subscription.plan_enabled_at is not None


def test_switching_to_what_is_already_so_leaves_no_trace(subscription, make_user):
    plans.switch(subscription, True, make_user())
    since = subscription.plan_enabled_at
    assert not plans.switch(subscription, True, make_user())
    assert PlanSwitch.objects.count() == 1
    assert subscription.plan_enabled_at == since


def test_a_plan_that_is_off_has_no_date_of_being_on(subscription, make_user):
    plans.switch(subscription, True, make_user())
    plans.switch(subscription, False, None)
    assert subscription.plan_enabled_at is None
    assert list(PlanSwitch.objects.values_list("enabled_after", flat=True)) == [False, True]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_switch_at_the_same_time_one_does():
    subscription = Subscription.objects.create(display_name="Contested")

    def switch() -> bool:
        return plans.switch(Subscription.objects.get(pk=subscription.pk), True, None)

    assert sorted(together(switch, switch, switch)) == [False, False, True]
    assert PlanSwitch.objects.count() == 1
