"""The places that owners have moved waiting jobs to."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0017_console'),
    ]

    operations = [
        migrations.AddField(
            model_name='waiting',
            name='moved_to',
            field=models.BigIntegerField(editable=False, help_text='Its place, if its owner has moved it.', null=True),
        ),
    ]
