"""The rule that a new site starts with: fair shares for everyone."""

from django.db import migrations

NAME = "Everyone takes turns"


def add(apps, schema_editor):
    apps.get_model("queueapp", "PriorityRule").objects.get_or_create(name=NAME, defaults={"position": 1000})


class Migration(migrations.Migration):
    dependencies = [("queueapp", "0002_storage")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
