# Calendars: days written down, out of files and from addresses; schedules that
# leave them out, keep to them, or are due on them; next times that follow;
# files that are none, or too much.

use FindBin;
use lib $FindBin::Bin;
use Clockwork;
use Pando;

my $ics = <<'END' =~ s/\n/\r\n/gr;
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20201225
DTEND;VALUE=DATE:20201227
RRULE:FREQ=YEARLY
SUMMARY:Christ
 mas
BEGIN:VALARM
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20300101T080000
DURATION:PT2H
SUMMARY:inventory
END:VEVENT
BEGIN:VEVENT
DTSTART:20300102T080000Z
DTEND:20300102T090000Z
STATUS:CANCELLED
END:VEVENT
END:VCALENDAR
END

my $fetched = "$Pando::BUILD/t/scheduler_ics_$$";
sub serve { open my $out, '>', $fetched or die $!; print $out $_[0]; close $out }
serve($ics);
END { unlink $fetched if $fetched }

my $web = Pando::Elsewhere->web(sub {
    my ($c, $rq) = @_;
    open my $in, '<', $fetched or die $!;
    my $text = do { local $/; <$in> };
    return $c->print("HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n")
        if ($rq->{headers}{'if-none-match'} // '') eq '"' . length($text) . '"';
    return $c->print(Pando::Elsewhere::answer(404, 'none')) if $rq->{path} eq '/none';
    $c->print("HTTP/1.1 200 OK\r\nETag: \"" . length($text) . "\"\r\nContent-Length: "
        . length($text) . "\r\n\r\n$text");
});
my $t = Clockwork->new(to => [$web]);
my $p = $t->{p};
my $url = 'http://127.0.0.1:' . $web->port . '/';
my ($all, $one) = ('POST /schedule-calendars', 'PATCH /schedule-calendars/{id}');

# written down

my $c = $t->works($t->post('/schedule-calendars', { name => 'days', source => 'manual',
    time_zone => 'Europe/Berlin', days => [ { day => '2030-01-01', title => 'new year' },
    { from => '2030-01-03T10:00:00Z', to => '2030-01-03T12:00:00Z' } ] }), $all, 201);
is $c->{entries}, 2;
is_deeply $c->{coming}[0], { from => '2029-12-31T23:00:00Z', to => '2030-01-01T23:00:00Z',
    title => 'new year' }, 'a day in its zone';
is_deeply $t->works($t->get("/schedule-calendars/$c->{id}"), 'GET /schedule-calendars/{id}', 200),
    $c;
is_deeply $t->works($t->get('/schedule-calendars'), 'GET /schedule-calendars', 200)->{data}, [$c];

sub local_times
{
    my (%set) = @_;
    my $r = $t->post('/schedules/preview', { time_zone => 'Europe/Berlin', n => 4,
        from => '2029-12-30T12:00:00Z', specs => [ $t->cron('0 11 * * *') ], %set });
    die $r->{body} if $r->{status} != 200;
    return join ' ', map { substr $_->{local}, 0, 16 } @{ $r->json->{data} };
}

is local_times(exclude_calendars => [ $c->{id} ]), join(' ', map { "${_}T11:00" } '2029-12-31',
    '2030-01-02', '2030-01-04', '2030-01-05'), 'days that are left out';
is local_times(include_calendars => [ $c->{id} ], n => 2), '2030-01-01T11:00 2030-01-03T11:00',
    'days that are kept to';
is local_times(specs => [ { type => 'calendar', calendar_id => $c->{id}, time => '08:30' } ],
    n => 2), '2030-01-01T08:30 2030-01-03T08:30', 'due on each of its days';

# a schedule follows

my $s = $t->schedule(specs => [ { type => 'at', at => [ '2030-01-01T10:00:00Z',
    '2030-01-02T10:00:00Z', '2030-01-05T10:00:00Z' ] } ], exclude_calendars => [ $c->{id} ]);
is $s->{next_at}, '2030-01-02T10:00:00Z', 'of a schedule';
is_deeply $s->{exclude_calendars}, [ $c->{id} ];
my $changed = $t->works($t->patch("/schedule-calendars/$c->{id}", { days => [
    { day => '2030-01-02' } ] }), $one, 200);
is $changed->{entries}, 1;
is $t->get("/schedules/$s->{id}")->json->{next_at}, '2030-01-01T10:00:00Z',
    'its next time is found anew';
$t->fails($t->delete("/schedule-calendars/$c->{id}"), 'DELETE /schedule-calendars/{id}',
    'calendar_in_use');
is $t->patch("/schedules/$s->{id}", { exclude_calendars => [] })->json->{next_at},
    '2030-01-01T10:00:00Z';
is_deeply $t->get("/schedules/$s->{id}")->json->{exclude_calendars}, [];

# fired as it would be

my $only = $t->schedule(specs => [ { type => 'interval', every => 'PT1H' } ],
    include_calendars => [ $c->{id} ]);
is $only->{next_at}, '2030-01-01T23:00:00Z', 'in years';
$t->make_due($only, 'now()');
$t->waits(sub { $t->fates($only) eq 'succeeded' }, 'fired');
is $t->get("/schedules/$only->{id}")->json->{next_at}, '2030-01-01T23:00:00Z',
    'and in years again';

# out of a file

my $f = $t->works($t->post('/schedule-calendars', { name => 'file', source => 'ics_file',
    time_zone => 'Europe/Berlin', ics => $ics }), $all, 201);
like $f->{coming}[0]{from}, qr/^20\d\d-12-2[45]T23:00:00Z$/, 'each year';
is $f->{coming}[0]{title}, 'Christmas', 'of two lines one is made';
is $p->sql("select count(*) from scheduler.calendar_days where calendar_id = ? and title =
    'inventory' and to_at - from_at = '2 h' and from_at = '2030-01-01 07:00Z'", $f->{id}), 0,
    'what is too far away is not kept';
cmp_ok $f->{entries}, '>=', 3, 'for three years';

# from an address

my $u = $t->works($t->post('/schedule-calendars', { name => 'url', source => 'ics_url',
    url => $url }), $all, 201);
is $u->{entries}, $f->{entries};
ok $u->{fetched_at};
my $again = $t->works($t->post("/schedule-calendars/$u->{id}/refresh"),
    'POST /schedule-calendars/{id}/refresh', 200);
is $again->{version}, $u->{version}, 'asked again, it is what it was';
my $n = () = $web->requests;
serve($ics =~ s/END:VCALENDAR/BEGIN:VEVENT\r\nDTSTART:20270601T000000Z\r\nDTEND:20270602T000000Z
END:VEVENT\r\nEND:VCALENDAR/r);
$p->sql("update scheduler.calendars set fetched_at = now() - interval '7 h' where id = ?",
    $u->{id});
$p->sql("select pando.enqueue('scheduler.refreshes'), pg_notify('pando_jobs', 'more')");
$t->waits(sub { $t->get("/schedule-calendars/$u->{id}")->json->{entries} == $u->{entries} + 1 },
    'it is read again by itself');
serve('<html>');
$t->fails($t->post("/schedule-calendars/$u->{id}/refresh"),
    'POST /schedule-calendars/{id}/refresh', 'not_icalendar', '/url');
is $t->get("/schedule-calendars/$u->{id}")->json->{error}, 'not_icalendar', 'which is noted';
is $t->get("/schedule-calendars/$u->{id}")->json->{entries}, $u->{entries} + 1,
    'and what was known stays';

# refused

sub refused
{
    my ($code, $at, %set) = @_;
    return $t->fails($t->post('/schedule-calendars', { name => 'x', source => 'manual', %set }),
        $all, $code, $at);
}

sub event { return "BEGIN:VCALENDAR\nBEGIN:VEVENT\n$_[0]\nEND:VEVENT\nEND:VCALENDAR\n" }

refused('calendar_name_taken', '/name', name => 'days');
refused('unknown_time_zone', '/time_zone', time_zone => 'X');
refused('calendar_source_invalid', '/source', url => $url);
refused('calendar_source_invalid', '/source', source => 'ics_file');
refused('calendar_source_invalid', '/days/0', days => [ {} ]);
refused('calendar_source_invalid', '/days/1', days => [ { day => '2030-01-01' },
    { from => '2030-01-02T00:00:00Z', to => '2030-01-01T00:00:00Z' } ]);
refused('invalid', '/days/0/day', days => [ { day => '2030-02-30' } ]);
refused('address_not_public', '/url', source => 'ics_url', url => 'https://10.0.0.1/x.ics');
refused('calendar_not_fetched', '/url', source => 'ics_url', url => "${url}none");
refused('not_icalendar', '/url', source => 'ics_url', url => $url);
for ('', 'BEGIN:VCALENDAR', 'BEGIN:VEVENT', "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR",
     event('DTSTART:2030'), event('DTSTART:20300230'), event('DTEND:20300101'),
     event("DTSTART:20300101\nDURATION:P1Y"), event("DTSTART:20300101\nEXDATE:x"),
     event("DTSTART:20300101\n" . "EXDATE:20300101\n" x 51)) {
    refused('not_icalendar', '/ics', source => 'ics_file', ics => $_);
}

# bombs

for (event("DTSTART:20260101T000000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY"),
     "BEGIN:VCALENDAR\n" . "BEGIN:VEVENT\nDTSTART:20300101\nEND:VEVENT\n" x 5001
         . "END:VCALENDAR\n",
     "BEGIN:VCALENDAR\n" . ("BEGIN:VEVENT\nDTSTART:20260101\nRRULE:FREQ=MONTHLY;BYDAY=MO;"
         . "BYSETPOS=300\nEND:VEVENT\n") x 1000 . "END:VCALENDAR\n") {
    my $j = refused('not_icalendar', '/ics', source => 'ics_file', ics => $_);
    is $j->{reason}, 'it has more than can be read', 'a bomb';
    is $t->get('/schedule-calendars')->{status}, 200, 'nobody waits for it';
}

serve('x' x 2_000_000);
is refused('not_icalendar', '/url', source => 'ics_url', url => $url)->{reason},
    'it has more than can be read', 'a large one';
serve($ics);

for (['precondition_failed', undef, { name => 'y' }, 'If-Match' => '"v1"'],
     ['calendar_name_taken', '/name', { name => 'file' }],
     ['calendar_source_invalid', '/source', { source => 'ics_file' }],
     ['calendar_source_invalid', '/source', { ics => $ics }]) {
    my ($code, $at, $body, @more) = @$_;
    $t->fails($t->patch("/schedule-calendars/$c->{id}", $body, @more), $one, $code, $at);
}
$t->fails($t->patch("/schedule-calendars/$f->{id}", { ics => 'no' }), $one, 'not_icalendar',
    '/ics');
$t->fails($t->post("/schedule-calendars/$c->{id}/refresh"),
    'POST /schedule-calendars/{id}/refresh', 'calendar_has_no_url');
serve('x');
$p->sql("update scheduler.calendars set url = url || 'none' where id = ?", $u->{id});
$t->fails($t->post("/schedule-calendars/$u->{id}/refresh"),
    'POST /schedule-calendars/{id}/refresh', 'calendar_not_fetched', '/url');

# those of schedules

my $nobody = $Pando::Routes::NOBODY;
my %in = (name => 'z', specs => [ $t->cron('0 0 * * *') ], action => { type => 'event' });
$t->fails($t->post('/schedules', { %in, exclude_calendars => [ $c->{id}, $nobody ] }),
    'POST /schedules', 'unknown_calendar', '/exclude_calendars/1');
$t->fails($t->post('/schedules', { %in, include_calendars => [$nobody] }), 'POST /schedules',
    'unknown_calendar', '/include_calendars/0');
$t->fails($t->post('/schedules', { %in, specs => [ { type => 'calendar', time => '08:00',
    calendar_id => $nobody } ] }), 'POST /schedules', 'spec_invalid', '/specs/0/calendar_id');
$t->fails($t->post('/schedules', { %in, specs => [ { type => 'calendar', time => '8',
    calendar_id => $c->{id} } ] }), 'POST /schedules', 'spec_invalid', '/specs/0/time');
is $t->post('/schedules', { %in, exclude_calendars => [ $c->{id} ] }, token => $Clockwork::OTHER)
    ->json->{code}, 'unknown_calendar', 'another tenant';

# another tenant, and the end

for (['get', ''], ['patch', '', { name => 'y' }], ['delete', ''], ['post', '/refresh', undef]) {
    my ($verb, $path, @body) = @$_;
    is $t->$verb("/schedule-calendars/$c->{id}$path", @body, token => $Clockwork::OTHER)->{status},
        404, "another tenant: $verb $path";
}
$t->fails($t->get("/schedule-calendars/$nobody"), 'GET /schedule-calendars/{id}', 'not_found');
$t->fails($t->patch("/schedule-calendars/$nobody", { name => 'y' }), $one, 'not_found');
$t->fails($t->post("/schedule-calendars/$nobody/refresh"),
    'POST /schedule-calendars/{id}/refresh', 'not_found');
$t->fails($t->delete("/schedule-calendars/$f->{id}", 'If-Match' => '"v9"'),
    'DELETE /schedule-calendars/{id}', 'precondition_failed');
$t->works($t->delete("/schedule-calendars/$f->{id}"), 'DELETE /schedule-calendars/{id}', 204);
$t->fails($t->delete("/schedule-calendars/$f->{id}"), 'DELETE /schedule-calendars/{id}',
    'not_found');

$t->all_provoked('scheduler_calendars.c');

done_testing;
