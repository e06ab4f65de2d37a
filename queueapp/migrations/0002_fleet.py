"""The fleet: clusters, the number of processors that there should be, and the decisions about it."""

import django.core.validators
from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cluster',
            fields=[
                ('id', models.CharField(max_length=36, primary_key=True, serialize=False)),
                ('host', models.CharField(max_length=255)),
                ('minimum', models.PositiveSmallIntegerField(help_text='The fewest processors that it runs, unless staff say fewer.')),
                ('maximum', models.PositiveSmallIntegerField(help_text='The most processors that it can run.')),
                ('part', models.PositiveSmallIntegerField(help_text='The processors that it should run now.')),
                ('lease_until', models.DateTimeField(help_text='Without a sign of life by then, its part goes to other clusters.')),
            ],
            options={
                'ordering': ['host', 'id'],
            },
        ),
        migrations.CreateModel(
            name='FleetDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('before', models.PositiveIntegerField(help_text='How many there should have been.')),
                ('wished', models.PositiveIntegerField(help_text='How many there should be from then on.')),
                ('alive', models.PositiveIntegerField(help_text='How many there were.')),
                ('reason', models.CharField(max_length=200)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Fleet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minimum', models.PositiveSmallIntegerField(blank=True, help_text='The fewest processors of all hosts. Empty: as the hosts are configured.', null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('maximum', models.PositiveSmallIntegerField(blank=True, help_text='The most processors of all hosts. Empty: as many as the hosts can run.', null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('target_wait', models.FloatField(blank=True, help_text='Seconds within which jobs should start. Empty: as configured.', null=True, validators=[django.core.validators.MinValueValidator(1.0), django.core.validators.MaxValueValidator(86400.0)], verbose_name='target wait')),
                ('dry_run', models.BooleanField(db_default=False, default=False, help_text='Decide and record what would be done, but leave the number of every host as it is.', verbose_name='dry run')),
                ('wished', models.PositiveIntegerField(default=0, editable=False, help_text='How many there should be now.')),
                ('leader', models.CharField(blank=True, db_default='', editable=False, help_text='The cluster that decides.', max_length=36)),
                ('leader_until', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name_plural': 'fleet',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='fleet_one_row')],
            },
        ),
    ]
