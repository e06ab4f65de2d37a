"""How far an owner has seen which jobs failed."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0010_api_key'),
    ]

    operations = [
        migrations.AddField(
            model_name='owner',
            name='failures_seen',
            field=models.BigIntegerField(db_default=0, default=0, editable=False, help_text='The owner has seen all failures up to this completion.'),
        ),
    ]
