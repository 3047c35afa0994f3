"""Forms of the registry pages and of one's own account."""

from django import forms

from registries import connection, scope
from registries.models import Registry
from registries.roles import Action

# A folder is one of this machine's own: only who runs it may name one.
OPERATORS_ONLY = frozenset({Registry.Kind.LAYOUT})


class RegistryForm(forms.ModelForm):
    """Where a registry is and how to log in to it; the secret is sealed and never shown again."""

    secret = forms.CharField(
        label="Password or token",
        required=False,
        strip=False,
        max_length=10_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Sealed at rest, and never shown again.",
    )

    class Meta:
        model = Registry
        fields = ["location", "username"]
        labels = {"username": "User name"}
        help_texts = {"username": "Leave empty where anyone may read."}
        widgets = {"username": forms.TextInput(attrs={"autocomplete": "off"})}

    def __init__(self, user, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        location = self.fields["location"]
        if not user.is_superuser:
            location.disabled = self.instance.kind in OPERATORS_ONLY
            location.help_text = (
                "Only who runs this machine moves a folder."
                if location.disabled
                else "A URL such as https://registry.example."
            )

    def clean(self) -> dict:
        """A kept secret goes only to the place it was given for, never to another."""
        cleaned = super().clean()
        keeps = self.instance.sealed_secret and cleaned.get("username") and not cleaned["secret"]
        if keeps and "location" in self.changed_data:
            self.add_error("secret", "Enter the password again for the new location.")
        return cleaned

    def save(self, commit: bool = True) -> Registry:
        """The credentials change with a new secret; without a user name nobody logs in."""
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
        super().__init__(user, *args, **kwargs)
        self.fields["location"].required = False
        allowed = scope.allowed_subscriptions(user, Action.MANAGE_REGISTRIES)
        self.fields["subscription"].queryset = allowed
        if len(some := allowed[:2]) == 1:
            self.fields["subscription"].initial = some[0]
            self.fields["subscription"].empty_label = None
        if not user.is_superuser:
            self.fields["kind"].choices = [
                choice for choice in Registry.Kind.choices if choice[0] not in OPERATORS_ONLY
            ]

    def clean(self) -> dict:
        """Imported SBOMs lie nowhere else."""
        cleaned = super().clean()
        if cleaned.get("kind") == Registry.Kind.SBOM:
            cleaned["location"] = "sbom:"
        elif not cleaned.get("location"):
            self.add_error("location", "Say where the registry is.")
        return cleaned


class TokenForm(forms.Form):
    """A token for a program of one's own; it ends by itself."""

    name = forms.CharField(
        max_length=100,
        help_text="What uses it, so that you know which to revoke.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    days = forms.IntegerField(label="Days until it expires", min_value=1, max_value=366, initial=90)
