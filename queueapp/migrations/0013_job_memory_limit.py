"""A job may have a limit of memory of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('queueapp', '0012_rules_followed'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='memory_limit',
            field=models.FloatField(blank=True, help_text="Megabytes that one attempt may take; empty: the task's.", null=True),
        ),
    ]
