# When specs would be due: times, notes on clocks that change, words, and what
# is refused and where.

use Pando;
use Pando::Routes;

my $t = Pando::Routes->new('scheduler');
my $route = 'POST /schedules/preview';

sub shown
{
    my ($zone, $from, $n, @specs) = @_;
    my $j = $t->works($t->post('/schedules/preview', { specs => \@specs, time_zone => $zone,
        from => $from, n => $n }), $route, 200);
    return ($j, join ' ', map { join '!', $_->{local}, @{ $_->{notes} } } @{ $j->{data} });
}

sub cron { return { type => 'cron', expression => $_[0] } }

my ($j, $got) = shown('Europe/Berlin', '2026-03-28T00:00:00Z', 3, cron('30 2 * * *'));
is $got, '2026-03-28T02:30:00+01:00 2026-03-29T03:30:00+02:00!dst_gap_shifted'
    . ' 2026-03-30T02:30:00+02:00', 'a time that the clocks leave out';
is $j->{data}[1]{at}, '2026-03-29T01:30:00Z';
is $j->{words}, 'at 02:30';
like $j->{rules}, qr/^20\d\d[a-z]/, 'the version of the rules';

(undef, $got) = shown('Europe/Berlin', '2026-10-24T12:00:00Z', 2, cron('30 2 * * *'));
is $got, '2026-10-25T02:30:00+02:00!dst_repeat_skipped 2026-10-26T02:30:00+01:00',
    'a time that they show twice';

(undef, $got) = shown('UTC', '2026-01-01T00:00:00Z', 3, cron('0 12 * * *'),
    { type => 'interval', every => 'PT12H' });
is $got, join(' ', map { "2026-01-0${_}+00:00" } '1T12:00:00', '2T00:00:00', '2T12:00:00'),
    'of times that are equal one is told';

($j, $got) = shown('Europe/Berlin', '2024-01-01T00:00:00Z', 2,
    { type => 'rrule', rule => 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29',
      start => '2024-02-29T12:00' });
is $got, '2024-02-29T12:00:00+01:00 2028-02-29T12:00:00+01:00', 'a leap day';

(undef, $got) = shown('America/New_York', '2026-01-01T00:00:00Z', 3,
    { type => 'rrule', rule => 'FREQ=DAILY;COUNT=3', start => '2026-02-01T09:00:00',
      dates => ['2026-02-10T09:00'], except => ['2026-02-02T09:00'] });
is $got, join(' ', map { "2026-02-${_}T09:00:00-05:00" } '01', '03', '10'), 'dates and exceptions';

(undef, $got) = shown('UTC', '2026-01-01T00:00:00Z', 5,
    { type => 'at', at => ['2026-05-01T10:00:00.5Z', '2026-04-01T12:00:00+02:00'] });
is $got, '2026-04-01T10:00:00+00:00 2026-05-01T10:00:01+00:00', 'given times';

$j = $t->post('/schedules/preview', { specs => [cron('0 9 * * *')], n => 3,
    starts_at => '2026-05-01T09:00:00Z', ends_at => '2026-05-03T09:00:00Z',
    from => '2026-01-01T00:00:00Z' })->json;
is join(' ', map { $_->{at} } @{ $j->{data} }), '2026-05-01T09:00:00Z 2026-05-02T09:00:00Z',
    'from its start, before its end';

is scalar @{ $t->post('/schedules/preview', { specs => [cron('* * * * *')], n => 1000 })
    ->json->{data} }, 1000, 'a thousand';
cmp_ok $t->post('/schedules/preview', { specs => [cron('* * * * *')], n => 1 })
    ->json->{data}[0]{at}, 'gt', $t->{p}->sql("select pando.rfc3339(now() - interval '2 s')"),
    'after now, without from';

# words

for (['0 9 * * MON-FRI', 'at 09:00 on monday to friday'],
     ['*/15 * * * *', 'every 15 minutes'], ['* * * * *', 'every minute'],
     ['5 * * * *', 'at minute 5 of every hour'],
     ['0 8,20 1 JAN,JUL *', 'at 08:00, 20:00 on day 1 of the month in january, july'],
     ['0 0 L * *', 'at 00:00 on the last day of the month'],
     ['0 0 LW,15W * *', 'at 00:00 on the workday nearest to day 15, the last workday of the month'],
     ['0 0 13 * FRI', 'at 00:00 on day 13 of the month or on friday'],
     ['0 8 * * MON#1,FRIL', 'at 08:00 on the first monday, the last friday'],
     ['*/10 9-17 * * *', 'every 10 minutes of the hours 9 to 17'],
     ['30 0 12 * * *', 'at second 30 of minute 0 of the hours 12']) {
    my ($j) = shown('UTC', '2026-01-01T00:00:00Z', 1, cron($_->[0]));
    is $j->{words}, $_->[1], $_->[0];
}

is((shown('UTC', '2026-01-01T00:00:00Z', 1, { type => 'interval', every => 'PT90M' },
    { type => 'at', at => ['2027-01-01T00:00:00Z'] }))[0]{words},
    'every 90 minutes, or once', 'more than one');

# what is refused

sub refused
{
    my ($code, $at, $spec, %more) = @_;
    return $t->fails($t->post('/schedules/preview',
        { specs => [cron('0 0 * * *'), $spec], %more }), $route, $code, $at);
}

like refused('spec_invalid', '/specs/1/expression', cron('61 * * * *'))->{reason},
    qr/minutes/, 'says which field';
refused('spec_invalid', '/specs/1/expression', cron('* * *'));
refused('spec_invalid', '/specs/1/expression', { type => 'cron' });
refused('spec_invalid', '/specs/1/start', { type => 'rrule', rule => 'FREQ=DAILY' });
refused('spec_invalid', '/specs/1/rule', { type => 'rrule', start => '2026-01-01T00:00' });
for ('FREQ=SECONDLY', 'FREQ=DAILY;BYDAY=XX', 'FREQ=DAILY;COUNT=99999',
     'FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30', 'FREQ=DAILY;' . 'BYHOUR=1;' x 3) {
    refused('spec_invalid', '/specs/1/rule',
        { type => 'rrule', rule => $_, start => '2026-01-01T00:00' });
}
refused('spec_invalid', '/specs/1/rule', { type => 'rrule', start => '2026-01-01T00:00',
    rule => 'FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31', dates => ['2027-01-01T00:00'] });
refused('spec_invalid', '/specs/1/dates', { type => 'rrule', start => '2026-01-01T00:00',
    dates => ['2026-02-30T00:00'] });
refused('spec_invalid', '/specs/1/every', { type => 'interval', every => 'P1M' });
refused('spec_invalid', '/specs/1/every', { type => 'interval', every => 'PT0S' });
refused('spec_invalid', '/specs/1/offset', { type => 'interval', every => 'PT1H',
    offset => 'PT1H' });
refused('spec_invalid', '/specs/1/align', { type => 'interval', every => 'PT1H',
    align => 'start' });
refused('spec_invalid', '/specs/1/at', { type => 'at', at => [] });
refused('invalid', '/specs/1/type', { type => 'moon' });
refused('invalid', '/specs/1/at/0', { type => 'at', at => ['tomorrow'] });
refused('unknown_time_zone', '/time_zone', cron('0 0 * * *'), time_zone => 'Europe/Nowhere');
refused('unknown_time_zone', '/time_zone', cron('0 0 * * *'), time_zone => '../../../etc/passwd');

for ('0 0 30 2 *', '0 0 31 4 *') {
    $t->fails($t->post('/schedules/preview', { specs => [cron($_)] }), $route,
        'spec_never_fires', '/specs');
}

$t->fails($t->post('/schedules/preview', { specs => [ { type => 'rrule',
    rule => 'FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31', start => '2026-01-01T00:00' } ] }), $route,
    'spec_never_fires', '/specs');
refused('unknown_calendar', '/include_calendars/0', cron('0 0 * * *'),
    include_calendars => [$Pando::Routes::NOBODY]);
$t->all_provoked('scheduler_preview.c', 'scheduler_specs.c');

done_testing;
