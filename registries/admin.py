"""What exists and who may see it, for operators."""

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

from registries import connection, events, inventory, plans, tasks, tokens
from registries.forms import OPERATORS_ONLY, RegistryForm
from registries.long_tables import LongTable
from registries.models import (
    AccessToken,
    Image,
    ManagementGroup,
    Placement,
    PlanSwitch,
    Registry,
    RegistryEvent,
    Repository,
    RoleAssignment,
    Subscription,
    Tag,
    TagMove,
)

# --- who ---


class RolesOfUser(admin.TabularInline):
    model = RoleAssignment
    extra = 0
    fields = ["role", "management_group", "subscription", "created_at"]
    autocomplete_fields = ["management_group", "subscription"]
    readonly_fields = ["created_at"]


class RolesHere(RolesOfUser):
    """On one management group or subscription."""

    fields = ["user", "role", "created_at"]
    autocomplete_fields = ["user"]


admin.site.unregister(User)


@admin.register(User)
class UserWithRolesAdmin(UserAdmin):
    inlines = [RolesOfUser]

    def get_inlines(self, request: HttpRequest, obj: User | None):
        """A user is made first and given roles then."""
        return self.inlines if obj else []


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(admin.ModelAdmin):
    list_display = ["user", "role", "management_group", "subscription", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "management_group", "subscription"]
    search_fields = ["user__username", "management_group__display_name"]
    search_fields += ["subscription__display_name"]
    autocomplete_fields = ["user", "management_group", "subscription"]
    readonly_fields = ["created_at"]


@admin.register(AccessToken)
class AccessTokenAdmin(admin.ModelAdmin):
    """A token is made and deleted here, never changed; only a superuser makes one for another."""

    list_display = ["name", "user", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]
    fields = ["user", "name", "expires_at"]
    ordering = ["-pk"]

    def formfield_for_foreignkey(self, db_field, request: HttpRequest, **more):
        if db_field.name == "user":
            users = User.objects.filter(is_active=True)
            mine = users.filter(pk=request.user.pk)
            more["queryset"] = users if request.user.is_superuser else mine
            more["initial"] = request.user.pk
        return super().formfield_for_foreignkey(db_field, request, **more)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AccessToken, form, change: bool) -> None:
        plain = tokens.save(obj)
        messages.success(request, f"Copy the token now, it is not shown again: {plain}")


# --- what is protected ---


class ManagementGroupForm(forms.ModelForm):
    def clean_parent(self) -> ManagementGroup | None:
        """No group may stand below itself."""
        parent = above = self.cleaned_data["parent"]
        passed = {self.instance.pk} if self.instance.pk else set()
        while above:
            if above.pk in passed:
                raise forms.ValidationError("That group is this one, or stands below it.")
            passed.add(above.pk)
            above = above.parent
        return parent


@admin.register(ManagementGroup)
class ManagementGroupAdmin(admin.ModelAdmin):
    form = ManagementGroupForm
    list_display = ["display_name", "name", "parent"]
    list_select_related = ["parent"]
    search_fields = ["display_name", "name"]
    autocomplete_fields = ["parent"]
    prepopulated_fields = {"name": ["display_name"]}
    inlines = [RolesHere]


class PlanSwitchInline(admin.TabularInline):
    model = PlanSwitch
    extra = 0
    can_delete = False
    verbose_name_plural = "switches of the plan"
    fields = readonly_fields = ["at", "actor", "enabled_before", "enabled_after"]

    def has_add_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlanSwitch]:
        return super().get_queryset(request).select_related("actor")


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin):
    list_display = ["display_name", "id", "management_group", "plan_enabled", "registry_count"]
    list_filter = ["plan_enabled", "management_group"]
    list_select_related = ["management_group"]
    search_fields = ["display_name", "id"]
    autocomplete_fields = ["management_group"]
    readonly_fields = ["id", "plan_enabled", "plan_enabled_at", "created_at"]
    inlines = [RolesHere, PlanSwitchInline]
    actions = ["switch_plan_on", "switch_plan_off"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return super().get_queryset(request).annotate(registry_count=Count("registries"))

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        """One that still has registries goes with them, one by one; and never by the dozen."""
        return (
            obj is not None
            and super().has_delete_permission(request, obj)
            and not obj.registries.exists()
        )

    @admin.display(description="registries", ordering="registry_count")
    def registry_count(self, subscription: Subscription) -> int:
        return subscription.registry_count

    @admin.action(description="Switch the plan on", permissions=["change"])
    def switch_plan_on(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._switch(request, queryset, True)

    @admin.action(description="Switch the plan off", permissions=["change"])
    def switch_plan_off(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Subscription], on: bool) -> None:
        switched = sum(plans.switch(subscription, on, request.user) for subscription in queryset)
        what = "on" if on else "off"
        messages.success(request, f"The plan was switched {what} for {switched} subscription(s).")


# --- what is connected ---


class HasProblem(admin.SimpleListFilter):
    title = parameter_name = "problem"

    def lookups(self, request: HttpRequest, model_admin):
        return [("yes", "With a problem"), ("no", "Without")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "yes":
            return queryset.exclude(problem="")
        return queryset.filter(problem="") if self.value() == "no" else queryset


@admin.register(Registry)
class RegistryAdmin(admin.ModelAdmin):
    form = RegistryForm
    list_display = ["name", "subscription", "kind", "location", "verified_at", "walked_at"]
    list_display += ["problem"]
    list_filter = ["kind", HasProblem]
    list_select_related = ["subscription"]
    search_fields = ["name", "location", "subscription__display_name"]
    autocomplete_fields = ["subscription"]
    fields = ["subscription", "resource_group", "name", "kind", "location", "username", "secret"]
    fields += ["verified_at", "walked_at", "problem", "pulls_known_since", "webhook"]
    readonly_fields = ["verified_at", "walked_at", "problem", "pulls_known_since", "webhook"]
    actions = ["sync_now", "verify", "new_webhook_secret"]

    def get_form(self, request: HttpRequest, obj=None, change: bool = False, **more):
        """The form of the pages, with its rules for who may name a folder of this machine."""
        form = super().get_form(request, obj, change, **more)

        class FormOfUser(form):
            def __init__(self, *args, **kwargs) -> None:
                super().__init__(request.user, *args, **kwargs)

        return FormOfUser

    def formfield_for_choice_field(self, db_field, request: HttpRequest, **more):
        if db_field.name == "kind" and not request.user.is_superuser:
            choices = Registry.Kind.choices
            more["choices"] = [choice for choice in choices if choice[0] not in OPERATORS_ONLY]
        return super().formfield_for_choice_field(db_field, request, **more)

    @admin.display(description="webhook path")
    def webhook(self, registry: Registry) -> str:
        return reverse("webhook", args=[registry.pk]) if registry.pk else ""

    def save_model(self, request: HttpRequest, obj: Registry, form, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if {"kind", "location", "username", "secret"}.intersection(form.changed_data):
            connection.forget_outcome(obj)
            tasks.soon(tasks.walk, obj.pk)

    def get_deleted_objects(self, objs, request: HttpRequest):
        """What goes with a registry would fill books; say how much, instead of listing it."""
        images = Image.objects.filter(registry__in=objs).count()
        named = [str(registry) for registry in objs]
        return named, {"registries": len(named), "images": images}, set(), []

    def delete_model(self, request: HttpRequest, obj: Registry) -> None:
        inventory.disconnect(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Registry]) -> None:
        for registry in queryset:
            inventory.disconnect(registry)

    @admin.action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Registry]) -> None:
        for registry in queryset:
            tasks.soon(tasks.walk, registry.pk)
        messages.success(request, f"{len(queryset)} catalogue(s) are being walked.")

    @admin.action(description="Verify the connection", permissions=["change"])
    def verify(self, request: HttpRequest, queryset: QuerySet[Registry]) -> None:
        for registry in queryset:
            if problem := connection.verify(registry):
                messages.error(request, f"{registry}: {problem}")
            else:
                messages.success(request, f"{registry} answers.")

    @admin.action(description="New webhook secret", permissions=["change"])
    def new_webhook_secret(self, request: HttpRequest, queryset: QuerySet[Registry]) -> None:
        for registry in queryset:
            secret = connection.new_webhook_secret(registry)
            path = request.build_absolute_uri(self.webhook(registry))
            messages.warning(
                request,
                f"{registry}: send notifications to {path} with the header "
                f"“Authorization: Bearer {secret}”. The secret is not shown again.",
            )


# --- what stands there: written by events and walks, here for reading ---


@admin.register(Repository)
class RepositoryAdmin(LongTable):
    list_display = ["name", "registry", "first_seen_at"]
    list_filter = ["registry"]
    list_select_related = ["registry"]
    search_fields = ["name__startswith"]
    search_help_text = "How its name begins"


@admin.register(Image)
class ImageAdmin(LongTable):
    list_display = ["digest", "registry", "kind", "platform", "size", "first_seen_at"]
    list_filter = ["kind", "registry"]
    list_select_related = ["registry"]
    search_fields = ["digest", "placements__repository__name"]
    search_help_text = "A whole digest, or the whole name of a repository"


@admin.register(Placement)
class PlacementAdmin(LongTable):
    list_display = ["image", "repository", "registry", "pushed_at", "pushed_by"]
    list_display += ["pulled_at", "pulled_by"]
    list_select_related = ["image", "repository__registry"]
    search_fields = ["image__digest", "repository__name"]
    search_help_text = "A whole digest, or the whole name of a repository"

    @admin.display
    def registry(self, placement: Placement) -> Registry:
        return placement.repository.registry


@admin.register(Tag)
class TagAdmin(LongTable):
    list_display = ["name", "repository", "image", "moved_at"]
    list_select_related = ["repository", "image"]
    search_fields = ["name", "repository__name", "image__digest"]
    search_help_text = "A whole tag, digest or name of a repository"


@admin.register(TagMove)
class TagMoveAdmin(LongTable):
    list_display = ["name", "repository", "digest_before", "digest_after", "at"]
    list_select_related = ["repository"]
    search_fields = ["name", "repository__name", "digest_before"]
    search_help_text = "A whole tag, name of a repository, or digest that a tag has left"


class EventState(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin):
        return [("due", "Due"), ("waiting", "Waiting to be tried again"), ("failed", "Failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        states = {
            "due": {"problem": ""},
            "waiting": {"retry_at__isnull": False},
            "failed": {"retry_at": None, "problem__gt": ""},
        }
        state = states.get(self.value())
        return queryset if state is None else queryset.filter(applied_at=None, **state)


@admin.register(RegistryEvent)
class RegistryEventAdmin(LongTable):
    list_display = ["received_at", "registry", "action", "repository", "tag", "short_digest"]
    list_display += ["actor", "applied_at", "attempts", "retry_at", "problem"]
    list_filter = [EventState, "action", "registry"]
    list_select_related = ["registry"]
    search_fields = ["delivery", "repository", "digest"]
    search_help_text = "A whole digest, name of a repository, or id of a delivery"
    actions = ["apply_again"]

    def has_apply_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registries.change_registryevent")

    @admin.display(description="digest")
    def short_digest(self, event: RegistryEvent) -> str:
        return event.digest[:19]

    @admin.action(description="Apply again", permissions=["apply"])
    def apply_again(self, request: HttpRequest, queryset: QuerySet[RegistryEvent]) -> None:
        due = events.apply_again(queryset)
        tasks.soon(tasks.apply_events)
        messages.success(request, f"{due} event(s) are due again.")


# --- the clock ---

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class ClockAdmin(PeriodicTaskAdmin):
    """Without the library's actions, which run and stop tasks for whoever may look at them."""

    actions = ()
