# Where a request comes from and where its time went: trace context, request
# ids, Server-Timing, and the line in the log, which no client can break.

use Pando;
use Encode qw(decode);
use JSON::PP;

open my $in, '<', "$Pando::ROOT/conf/nginx.conf" or die "nginx.conf: $!\n";
my ($format) = do { local $/; <$in> } =~ /^(\s*log_format  pando .*?;)$/ms;

my $p = Pando->new(domains => ['probe'],
    http => "pando_tenant $Pando::Token::TENANT; client_max_body_size 4k; $format",
    server => 'access_log DIR/json.log pando; '
            . 'add_header X-Trace $pando_traceparent always; '
            . 'error_page 400 404 413 @problem; '
            . 'location @problem { pando_problems; } '
            . 'location /nothing { return 404; }');
my $hello = '/api/v1/probes/greeting';

my $id = '4bf92f3577b34da6a3ce929d0e0e4736';
my $span = '00f067aa0ba902b7';
my $sent = 0;

sub get
{
    my ($path, @more) = @_;
    $sent++;
    return $p->get($path, @more);
}

sub trace
{
    my ($r) = @_;
    my @part = ($r->header('X-Trace') // '')
        =~ /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/ or return {};
    return { id => $part[0], span => $part[1], flags => $part[2] };
}


# Trace context

my $t = trace(get($hello, traceparent => "00-$id-$span-01"));
is $t->{id}, $id, 'a trace is gone on with';
isnt $t->{span}, $span, 'under a new span';
is $t->{flags}, '01', 'sampled as before';

$t = trace(get($hello, traceparent => "00-$id-$span-00"));
is $t->{flags}, '00', 'or not';

$t = trace(get($hello, traceparent => "01-$id-$span-01-what-comes-later"));
is $t->{id}, $id, 'a later version is read as far as it is known';

my %new;

for my $bad (undef, '', "00-$id-$span", "00-$id-$span-01-x", "ff-$id-$span-01",
             '00-' . uc($id) . "-$span-01", '00-' . '0' x 32 . "-$span-01",
             "00-$id-" . '0' x 16 . '-01', "00-$id-$span-0g",
             "00_$id-$span-01", "0-$id-$span-01", "01-$id-$span-01x",
             'x' x 55, '-' x 55, "00-$id-$span-01 ", "00-$id\x01-$span-01")
{
    my $r = get($hello, traceparent => $bad);
    next if $r->{status} == 400;
    $t = trace($r);
    my $name = defined $bad ? "'$bad'" =~ s/[^ -~]/?/gr : 'none';

    if (($bad // '') =~ / $/) {
        is $t->{id}, $id, 'blanks around it are not part of it';
        next;
    }

    isnt $t->{id}, $id, "$name: another trace begins";
    like $t->{id}, qr/^[0-9a-f]{32}$/;
    ok !$new{ $t->{id} }++, 'of its own';
}


# Request ids

for my $mine ('abc', 'A-b_c.9', 'x' x 64) {
    is get($hello, 'X-Request-Id' => $mine)->header('X-Request-Id'), $mine,
        'a request may bring its id';
}

my $uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

for my $bad (undef, '', 'x' x 65, 'a b', 'a"b', "a\tb", 'a{b}', "caf\xc3\xa9",
             "\xff", '<script>')
{
    like get($hello, 'X-Request-Id' => $bad)->header('X-Request-Id'), $uuid,
        'or gets one';
}

my $r = get('/api/v1/probes/none', 'X-Request-Id' => 'mine-1');
is $r->{status}, 404;
is $r->header('X-Request-Id'), 'mine-1';
is $r->json->{request_id}, 'mine-1', 'a problem names it';

$r = get('/nothing', 'X-Request-Id' => 'mine-2',
         traceparent => "00-$id-$span-01");
is $r->json->{request_id}, 'mine-2', 'so does one of nginx\'s own';
is trace($r)->{id}, $id, 'in the same trace';

$sent++;
$r = $p->post('/api/v1/probes', { name => 'x' x 5000 });
is $r->{status}, 413;
is $r->json->{request_id}, $r->header('X-Request-Id'),
    'an id lives through an internal redirect';


# Server-Timing

$sent++;
$r = $p->get('/api/v1/probes', token => { scope => 'probe:read' });
is $r->{status}, 200;
my ($ms, $trips) = $r->header('Server-Timing')
    =~ /^db;dur=(\d+\.\d{3});desc="(\d+)"$/;
cmp_ok $ms, '>', 0, 'the database took its time';
cmp_ok $ms, '<', 10_000;
is $trips, 1, 'and one round trip';
is get($hello)->header('Server-Timing'), undef, 'or was not asked';


# The log

sub lines
{
    $p->wait_for(sub { (() = $p->log('json.log') =~ /\n/g) >= $sent });
    return split /\n/, $p->log('json.log');
}

# Its lines are JSON in strict UTF-8, one for each request.
sub entries
{
    return map {
        my $line = $_;
        my $text = eval { decode('UTF-8', my $copy = $line, 1) };
        my $entry = defined $text && eval { decode_json($line) };
        fail("a line of the log: $line") unless $entry;
        $entry || {};
    } lines();
}

$sent++;
$p->get('/api/v1/probes/' . $Pando::Token::USER, 'X-Request-Id' => 'logged',
        token => { scope => 'probe:read' }, traceparent => "00-$id-$span-01");

my ($e) = grep { $_->{request_id} eq 'logged' } entries();
like $e->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;
is $e->{trace_id}, $id;
is $e->{parent_id}, $span;
like $e->{span_id}, qr/^[0-9a-f]{16}$/;
is $e->{client}, '127.0.0.1';
is $e->{tenant}, $Pando::Token::TENANT;
is $e->{user}, $Pando::Token::USER;
is $e->{method}, 'GET';
is $e->{uri}, "/api/v1/probes/$Pando::Token::USER";
is $e->{domain}, 'probe';
is $e->{route}, '/probes/{id}', 'the template of the route';
is $e->{status}, 404;
is $e->{problem}, 'not_found';
is $e->{trips}, 1;
is $e->{attempts}, 1;
ok !$e->{replayed};
cmp_ok $e->{db_seconds}, '>', 0;
cmp_ok $e->{seconds}, '>=', $e->{db_seconds}, 'the whole is more than a part';
cmp_ok $e->{bytes}, '>', 100;
cmp_ok $e->{received}, '>', 100;

$sent++;
$p->get($hello, token => 'junk', 'X-Request-Id' => 'refused');
($e) = grep { $_->{request_id} eq 'refused' } entries();
is $e->{status}, 401;
is $e->{problem}, 'unauthorized';
ok $e->{refusal}, 'why a token was refused is for the log alone';
is $e->{user}, '';


# What a client may try

my @nasty = (
    "$hello%0A%7B%22status%22:200%7D", "$hello%22,%22status%22:200,%22x%22:%22",
    "$hello%1b[31m%07", "$hello%c2%9b31m", "$hello%ff%fe", "$hello%e2%80%a8",
    "$hello%5c%22", "$hello%00x", "$hello\xff\xfe", "$hello\"x\"", "$hello\\",
    "$hello?a=%0a\"", "$hello/" . 'x' x 3000, "/%F0%9F%8C%B3", '/..%2f..%2fetc',
);

for my $path (@nasty) {
    get($path);
}

for my $name ('User-Agent', 'Referer', 'X-Request-Id', 'traceparent',
              'tracestate', 'Authorization', 'Idempotency-Key', 'Accept',
              'X-Forwarded-For', 'Cookie')
{
    get($hello, $name => $_) for "\"},{\"a\":\"\x1b[2J", "\xff\"\\";
}

$sent++;
$p->raw("GE\"T $hello HTTP/1.1\r\nHost: x\r\n\r\n");
$sent++;
$p->raw("NO-SUCH $hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
$sent++;
$p->raw("\x16\x03\x01\"}\r\n\r\n");

my @entries = entries();
is scalar @entries, $sent, 'a line for each request, neither more nor fewer';
ok !grep({ /[^ -~]/ } lines()), 'printable ASCII only';
ok !grep({ ($_->{status} // 0) < 100 } @entries), 'all have a status';

($e) = grep { $_->{uri} =~ /%0A/ } @entries;
is $e->{uri}, "$hello%0A{%22status%22:200}", 'what it tried can be read';

done_testing;
