"""Jobs keep their places while they are in a turn, and between attempts."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0018_waiting_moved_to'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='moved_to',
            field=models.BigIntegerField(editable=False, help_text="Its place, if its owner has moved it in the owner's own flow.", null=True),
        ),
    ]
