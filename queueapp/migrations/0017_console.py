"""What the operations console needs: its permissions, and processors that staff ask to end."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0016_job_share'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='fleet',
            options={
                'permissions': [
                    ('view_console', "Can view the operations console, and look at a user's pages"),
                    ('operate', 'Can act in the operations console'),
                ],
                'verbose_name_plural': 'fleet',
            },
        ),
        migrations.AddField(
            model_name='processor',
            name='retiring',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether it is to end once its turn is over, and let a fresh process take its place.'),
        ),
    ]
