"""Forms of the registry pages."""

from django import forms

from registries import connection, scope
from registries.models import Registry
from registries.roles import Action


class RegistryForm(forms.ModelForm):
    """Where a registry is and how to log in to it; the secret is sealed and never shown again."""

    secret = forms.CharField(
        label="Password or token",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Sealed at rest, and never shown again.",
    )

    class Meta:
        model = Registry
        fields = ["location", "username"]
        labels = {"username": "User name"}
        help_texts = {"username": "Leave empty where anyone may read."}
        widgets = {"username": forms.TextInput(attrs={"autocomplete": "off"})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if self.is_bound and name in self.errors:
                field.widget.attrs |= {"aria-invalid": "true"}

    def save(self, commit: bool = True) -> Registry:
        """The credentials change with the user name or a new secret; both empty means anonymous."""
        registry = super().save(commit=False)
        username, secret = self.cleaned_data["username"], self.cleaned_data["secret"]
        if secret or not username:
            connection.set_credentials(registry, username, secret)
        if commit:
            registry.save()
        return registry


class ConnectForm(RegistryForm):
    """A new registry in a subscription where the user may connect one."""

    class Meta(RegistryForm.Meta):
        fields = ["subscription", "resource_group", "name", "kind", "location", "username"]

    def __init__(self, user, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        allowed = scope.allowed_subscriptions(user, Action.MANAGE_REGISTRIES)
        self.fields["subscription"].queryset = allowed
        if not user.is_superuser:
            # A folder is one of this machine's own: only who runs it may name one.
            self.fields["kind"].choices = [
                (kind, label)
                for kind, label in Registry.Kind.choices
                if kind != Registry.Kind.LAYOUT
            ]
