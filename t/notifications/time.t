# When: quiet hours across both nights that clocks change, digests, caps on
# how often, what is for later, steps that wait for nobody to act.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Told;

my $t = Told->new(workers => 2, http => 'pando_jobs lease=2s;');
my $p = $t->{p};
my %text = (content => { title => 'Hello' });
my $one = sub { my @row = $p->sql(@_); return $row[0][0] };


# the rule of quiet hours, in Berlin: clocks skip 02:00 to 03:00 on 2026-03-29
# and show it twice on 2026-10-25

my $utc = sub { my ($at) = @_; $at =~ tr/ /T/; return "$at:00Z" };

for (
    [ '22:00', '07:00', '2026-03-28 20:59', undef, 'before it begins' ],
    [ '22:00', '07:00', '2026-03-28 21:00', '2026-03-29 05:00',
      'the night that is an hour shorter' ],
    [ '22:00', '07:00', '2026-03-29 04:59', '2026-03-29 05:00', 'its last minute' ],
    [ '22:00', '07:00', '2026-03-29 05:00', undef, 'its end' ],
    [ '22:00', '07:00', '2026-10-24 20:00', '2026-10-25 06:00',
      'the night that is an hour longer' ],
    [ '22:00', '07:00', '2026-10-25 05:59', '2026-10-25 06:00', 'its last minute' ],
    [ '22:00', '07:00', '2026-10-25 06:00', undef, 'its end' ],
    [ '22:00', '02:30', '2026-03-28 22:00', '2026-03-29 01:00',
      'an end that is skipped: the next instant' ],
    [ '22:00', '02:30', '2026-10-24 22:00', '2026-10-25 00:30',
      'an end that comes twice: the first' ],
    [ '22:00', '03:00', '2026-03-28 22:00', '2026-03-29 01:00', 'where clocks go on' ],
    [ '12:00', '14:00', '2026-07-01 10:30', '2026-07-01 12:00', 'within a day' ],
    [ '12:00', '14:00', '2026-07-01 12:00', undef, 'and after it' ],
) {
    my ($from, $to, $at, $want, $name) = @$_;

    is $one->("select pando.rfc3339(notifications.quiet_end(?, 'Europe/Berlin', ?, ?,
        '{1,2,3,4,5,6,7}'))", $utc->($at), $from, $to), $want && $utc->($want), $name;
}

# on Lord Howe clocks skip 02:00 to 02:30 on 2026-10-04, and show 01:30 to 02:00
# twice on 2026-04-05
for (
    [ '2026-10-03 12:00', '02:00', '2026-10-03 15:30', 'the first minute that is skipped' ],
    [ '2026-10-03 12:00', '02:15', '2026-10-03 15:30', 'the middle: the next instant' ],
    [ '2026-10-03 12:00', '02:30', '2026-10-03 15:30', 'where clocks go on' ],
    [ '2026-10-03 12:00', '02:31', '2026-10-03 15:31', 'a minute later' ],
    [ '2026-10-03 12:00', '01:59', '2026-10-03 15:29', 'a minute before' ],
    [ '2026-04-04 12:00', '01:29', '2026-04-04 14:29', 'before what comes twice' ],
    [ '2026-04-04 12:00', '01:30', '2026-04-04 14:30', 'what comes twice: the first' ],
    [ '2026-04-04 12:00', '01:59', '2026-04-04 14:59', 'to its last minute' ],
    [ '2026-04-04 12:00', '02:00', '2026-04-04 15:30', 'what comes once, after both' ],
    [ '2026-04-04 12:00', '07:00', '2026-04-04 20:30', 'the longer night' ],
    [ '2026-10-03 12:00', '07:00', '2026-10-03 20:00', 'and the shorter one' ],
) {
    my ($at, $to, $want, $name) = @$_;

    is $one->("select pando.rfc3339(notifications.quiet_end(?, 'Australia/Lord_Howe', '22:00', ?,
        '{1,2,3,4,5,6,7}'))", $utc->($at), $to), $utc->($want), "Lord Howe, $to: $name";
}

# every minute of both nights, in both zones: the first instant that shows it,
# or the first after all that show less
for (['Europe/Berlin', '2026-03-28 23:00', '2026-10-24 22:00'],
     ['Australia/Lord_Howe', '2026-10-03 13:00', '2026-04-04 13:00']) {
    my ($zone, @from) = @$_;

    is $one->("select count(*) from unnest(array[?, ?]::timestamptz[]) as f,
          generate_series(0, 239) as n,
          lateral (select date_trunc('hour', (f at time zone '$zone')) + n * interval '1 min')
            as l (at)
        where notifications.instant(l.at, '$zone') <>
            (select min(i) from generate_series(f - interval '2 h', f + interval '6 h', '1 min')
                 as i where i at time zone '$zone' >= l.at)",
        map { $utc->($_) } @from), 0, "$zone: each minute of both nights";
}

# of a weekday: 2026-11-20 is a Friday
for ([ '{5}', '2026-11-20 23:00', 1 ], [ '{5}', '2026-11-21 03:00', 1 ],
     [ '{6}', '2026-11-21 03:00', 0 ], [ '{6}', '2026-11-21 23:00', 1 ],
     [ '{}', '2026-11-20 23:00', 0 ]) {
    my ($days, $at, $quiet) = @$_;
    is !!$one->("select notifications.quiet_end(?, 'UTC', '22:00', '07:00', ?) is not null",
        $utc->($at), $days), !!$quiet, "$at is of the night of $days: $quiet";
}

is $one->("select pando.rfc3339(notifications.instant('2026-04-05 01:45', 'Australia/Lord_Howe'))"),
    '2026-04-04T14:45:00Z', 'half an hour that comes twice';
is $one->("select pando.rfc3339(notifications.digest_due('2026-11-21T06:00:00Z', 'digest_daily',
    'Europe/Berlin', '08:00'))"), '2026-11-21T07:00:00Z', 'a daily digest is of today';
is $one->("select pando.rfc3339(notifications.digest_due('2026-11-21T08:00:00Z', 'digest_daily',
    'Europe/Berlin', '08:00'))"), '2026-11-22T07:00:00Z', 'or of tomorrow';
is $one->("select pando.rfc3339(notifications.digest_due('2026-11-21T08:00:00Z', 'digest_weekly',
    'Europe/Berlin', '08:00'))"), '2026-11-28T07:00:00Z', 'a weekly one of next week';


# a user who wants quiet all day: pushes wait, urgent ones do not

my $ann = $t->user;
my %ann = (token => $ann->{token});
my $put = 'PUT /notification-preferences/schedule';
$t->device($ann);
$t->fails($t->put('/notification-preferences/schedule', { quiet_from => '22:00' }, %ann), $put,
    'invalid', '/quiet_to');
$t->fails($t->put('/notification-preferences/schedule', { quiet_from => '25:00',
    quiet_to => '07:00' }, %ann), $put, 'invalid', '/quiet_from');
$t->fails($t->put('/notification-preferences/schedule', { days => [8] }, %ann), $put, 'invalid',
    '/days');
$t->fails($t->get('/notification-preferences/schedule', %ann),
    'GET /notification-preferences/schedule', 'not_found');
$t->works($t->put('/notification-preferences/schedule', { quiet_from => '00:00',
    quiet_to => '23:59', dnd_until => '2020-01-01T00:00:00Z' }, %ann), $put, 200);
$t->works($t->get('/notification-preferences/schedule', %ann),
    'GET /notification-preferences/schedule', 200);

$t->fails($t->put('/notification-preferences/schedule', {}, %ann, 'If-Match' => '"v99"'), $put,
    'precondition_failed');

# whoever runs this at 23:59 UTC waits for another zone
my $zone = (gmtime)[2] == 23 ? 'Asia/Tokyo' : 'UTC';
$t->put('/notification-preferences/contact', { time_zone => $zone }, %ann);
$t->post('/notification-categories', { key => 'alarm', title => 'Alarm',
    urgent => JSON::PP::true });
my $to = { users => [ $ann->{id} ] };
my $held = $t->send(%text, to => $to);
is_deeply [ $t->fates($held) ], [ 'in_app delivered', 'push planned quiet' ], 'a push waits';
my $urgent = $t->send(%text, to => $to, category => 'alarm');
$t->waits(sub { "@{[ $t->fates($urgent) ]}" eq 'in_app delivered push delivered' },
    'what is urgent does not');
my ($dnd) = $t->put('/notification-preferences/schedule', { dnd_until => '2099-01-01T00:00:00Z' },
    %ann);
is $one->("select extract(year from next_at) from notifications.deliveries where request_id = ?
    and channel = 'push'", $t->send(%text, to => $to)->{id}), 2099, 'do not disturb';
$t->put('/notification-preferences/schedule', {}, %ann);
$p->sql("update notifications.deliveries set next_at = clock_timestamp() where request_id = ?
         and channel = 'push'", $held->{id});
$t->release;
$t->waits(sub { "@{[ $t->fates($held) ]}" eq 'in_app delivered push delivered' },
    'what has waited is released', 60);


# how often

my $bob = $t->user;
$t->device($bob);
$t->put('/notification-preferences/contact', { marketing => JSON::PP::true },
        token => $bob->{token});
$t->post('/notification-categories', { key => 'ads', title => 'Ads', class => 'marketing',
    channels => ['push'] });
my @replies = $p->parallel(map { [ 'POST', '/api/v1/notifications', token => $t->{token},
    body => { %text, category => 'ads', channels => ['push'],
              to => { users => [ $bob->{id} ] } } ] } 1 .. 20);
my @fates = map { $t->fates($_->json) } @replies;
is scalar(grep { /capped/ } @fates), 19, 'of twenty at once one is sent' or diag "@fates";
is $one->('select sum(n) from notifications.caps where user_id = ?', $bob->{id}), 1, 'and counted';
$p->sql("update notifications.caps set window_start = now() - interval '25 hours'
         where user_id = ?", $bob->{id});
my $next = $t->send(%text, category => 'ads', to => { users => [ $bob->{id} ] });
$t->waits(sub { grep { /push delivered/ } $t->fates($next) }, 'a day later one more');
$p->sql("update notifications.caps set window_start = now() - interval '26 hours', n = 3
         where user_id = ? and window_start > now() - interval '2 hours'", $bob->{id});
is_deeply [ grep { /push/ } $t->fates($t->send(%text, category => 'ads',
    to => { users => [ $bob->{id} ] })) ], ['push capped frequency'], 'but not more in a week';


# digests

my $carl = $t->user;
$t->device($carl);
$t->post('/notification-categories', { key => 'likes', title => 'Likes', class => 'social',
    digestible => JSON::PP::true });
$t->put('/notification-preferences', { data => [ { category => 'likes', channel => 'push',
    value => 'digest_daily' } ] }, token => $carl->{token});
my %like = (category => 'likes', channels => ['push'], to => { users => [ $carl->{id} ] });
@replies = $p->parallel(map { [ 'POST', '/api/v1/notifications', token => $t->{token},
    body => { %like, content => { title => "like $_" } } ] } 1 .. 23);
is_deeply [ $t->fates($replies[0]->json) ], ['push skipped digest'], 'it is kept for a digest';
my ($digest) = $p->sql('select id, items from notifications.digests where user_id = ?',
    $carl->{id});
is $digest->[1], 23, 'one for all';
my $flush = sub { $p->sql('update notifications.digests set due_at = now() where id = ?', $_[0]) };
$flush->($digest->[0]);
is $one->("select count(*) from (select notifications.flush(?) as f from generate_series(1, 2)) x
    where f", $digest->[0]), 1, 'flushed once, however often';
$t->release;
$t->waits(sub { $t->captured($carl) == 1 }, 'it is sent', 60);
my ($sent) = $t->captured($carl);
is $sent->{payload}{title}, '23 new notifications', 'as one';
my @lines = split /\n/, $sent->{payload}{body};
is scalar(@lines), 21, 'twenty are named';
is $lines[20], '+3', 'and the rest counted';

$t->send(%like, content => { title => 'alone' });
my ($second) = $p->sql("select id, items from notifications.digests where user_id = ?
    and state = 'open'", $carl->{id});
isnt $second->[0], $digest->[0], 'what comes later is for the next';
$flush->($second->[0]);
$t->release;
$t->waits(sub { $t->captured($carl) == 2 }, 'which a job finds', 60);
is(($t->captured($carl))[0]{payload}{title}, 'alone', 'a single one is sent as it is');


# later, and not at all

my $dora = $t->user;
my %dora = (%text, to => { users => [ $dora->{id} ] });
my $later = $t->send(%dora, send_at => '2099-01-01T00:00:00Z');
is $t->get("/notifications/requests/$later->{id}")->json->{state}, 'scheduled', 'for later';
is $t->count($dora)->{unread}, 0, 'and not now';
my $cancel = 'DELETE /notifications/requests/{id}';
$t->works($t->delete("/notifications/requests/$later->{id}"), $cancel, 204);
is $t->get("/notifications/requests/$later->{id}")->json->{state}, 'canceled';
is $t->delete("/notifications/requests/$later->{id}")->{status}, 204, 'twice is once';
my $soon = $t->send(%dora, send_at => $one->("select pando.rfc3339(now() + interval '2 s')"));
$t->waits(sub { $t->count($dora)->{unread} == 1 }, 'what is for soon comes then');
$t->waits(sub { $t->get("/notifications/requests/$soon->{id}")->json->{state} eq 'planned' },
    'and is planned');
$t->fails($t->delete("/notifications/requests/" . $t->send(%dora)->{id}), $cancel, 'request_over');
$t->fails($t->delete("/notifications/requests/$Pando::Routes::NOBODY"), $cancel, 'not_found');
$t->device($dora);
$t->put('/notification-preferences/schedule', { dnd_until => '2099-01-01T00:00:00Z' },
        token => $dora->{token});
my $waits = $t->send(%dora);
$t->delete("/notifications/requests/$waits->{id}");
is_deeply [ $t->fates($waits) ], [ 'in_app delivered', 'push canceled request_canceled' ],
    'what waits is not sent';


# steps that wait: in the inbox, then a push for who did not look

$t->template(rise => [ map { { channel => $_, locale => 'en', title => $_ } } qw(in_app push) ],
    flow => [ { channel => 'push', after_s => 3600 } ]);
my ($eve, $fred, $gina) = map { my $u = $t->user; $t->device($u); $u } 1 .. 3;
my $flow = $t->send(template => 'rise', object => 'order:9',
    to => { users => [ map { $_->{id} } $eve, $fred, $gina ] });
is scalar($t->fates($flow)), 3, 'only the inbox at first';
my ($n) = $t->inbox($fred);
$t->patch("/notifications/$n->{id}", { read => JSON::PP::true }, token => $fred->{token});
$p->sql("update pando.jobs set run_at = now() where kind = 'notifications.step'
         and payload ->> 'user_id' <> ?", $gina->{id});
$p->sql("select pando.lane_wake('notifications.step', ?, now())", $Pando::Token::TENANT);
$t->waits(sub { $t->captured($eve) == 1 }, 'then a push to who did not read', 60);
$t->waits(sub { !$one->("select count(*) from pando.jobs where kind = 'notifications.step'
    and payload ->> 'user_id' = ? and state in ('ready', 'running')", $fred->{id}) },
    'the step of the other one is over');
is scalar($t->captured($fred)), 0, 'without a push, for it was read';
is $one->("select notifications.resolve(?, 'order:9')", $Pando::Token::TENANT), 1, 'it is done';
is $one->('select notifications.step(?, ?, ?, 0)', $Pando::Token::TENANT, $flow->{id},
    $gina->{id}), 0, 'so nobody is told any more';


# what is over leaves the inbox

my $hugo = $t->user;
my $short = $t->send(%text, to => { users => [ $hugo->{id} ] }, ttl_s => 60);
is $t->count($hugo)->{unread}, 1;
$p->sql("update notifications.notifications set expires_at = now() - interval '1 s'
         where user_id = ?", $hugo->{id});
is scalar($t->inbox($hugo)), 0, 'what is over is not in the list';
$t->release;
$t->waits(sub { $t->count($hugo)->{unread} == 0 }, 'nor counted');
$t->all_provoked('notifications_schedules.c');

done_testing;
