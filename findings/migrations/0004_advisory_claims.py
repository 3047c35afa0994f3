import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0003_signals"),
    ]

    operations = [
        migrations.AddField(
            model_name="advisory",
            name="claims",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], editable=False, size=None
            ),
        ),
    ]
