# Faults of clients: gone at any byte, slow, hostile.  Others are served
# meanwhile, nothing half done stays, and nothing is left behind.

use Pando;
use Time::HiRes qw(time);

my $p = Pando->new(domains => ['probe'], workers => 1,
    http => 'client_body_buffer_size 128k; client_header_timeout 3s;
             client_body_timeout 3s;',
    server => 'pando_tenant 00000000-0000-7000-8000-000000000001;
               location = /metrics { pando_exposition; }
               listen unix:DIR/h2.sock http2;');
my $token = $p->token(scope => 'probe:admin');
my %as = (token => $token);
my $path = '/api/v1/probes';

sub gauge
{
    my ($name) = @_;
    my $text = $p->get('/metrics')->{body};
    my $sum;

    $sum += $1 while $text =~ /^\Q$name\E(?:\{[^}]*\})? ([\d.e+]+)$/mg;
    return $sum // die "there is no $name\n";
}

sub at_rest
{
    my ($what) = @_;

    ok $p->wait_for(sub { gauge('pando_flows_running') == 0 }),
        "$what: no flow is left";
    ok $p->wait_for(sub { !$p->sql("select count(*) from pg_stat_activity
        where application_name = 'pando' and datname = current_database()
          and state <> 'idle'") }), "$what: no statement and no transaction";
    is $p->get($path, %as)->{status}, 200, "$what: the next one is served";
}

sub resident
{
    my ($pid) = $p->worker_pids;
    open my $in, '<', "/proc/$pid/status" or return 0;
    my ($kb) = join('', <$in>) =~ /VmRSS:\s+(\d+)/;
    return $kb;
}

sub open_files
{
    my ($pid) = $p->worker_pids;
    return scalar(() = glob "/proc/$pid/fd/*");
}

at_rest('to begin with');
my $files = open_files();


# gone at every byte of a request, and of the answer

my $request = $p->message('POST', $path, body => { name => 'gone' }, %as);

for my $n (0 .. length $request) {
    my $s = $p->socket;
    syswrite $s, substr $request, 0, $n;
    close $s;
}

ok $p->wait_for(sub {
    $p->sql("select count(*) from probe.probes where name = 'gone'") == 1 }),
    'only the whole request had an effect';
at_rest('gone at every byte');

my $whole = $p->message('GET', $path, %as);

for my $n (1 .. 40) {
    my $s = $p->socket;
    syswrite $s, $whole;
    sysread $s, my ($some), $n;
    close $s;
}

at_rest('gone while the answer comes');


# gone while a flow waits: a reader is ended, a writer is not

for (1 .. 200) {
    my $s = $p->socket;
    syswrite $s, $p->message('GET', "$path/waits/time?ms=1900");
    close $s;
}

my $since = time;
cmp_ok gauge('pando_flows_started_total'), '>', 200, 'flows were started';
ok $p->wait_for(sub { gauge('pando_flows_running') == 0 }),
    'readers that nobody waits for are ended';
cmp_ok time - $since, '<', 1.5 * $Pando::SLOW, 'at once';

for my $n (1 .. 50) {
    my $s = $p->socket;
    syswrite $s, $p->message('POST', $path, body => { name => "left $n" },
                             %as);
    close $s;
}

ok $p->wait_for(sub {
    $p->sql("select count(*) from probe.probes where name like 'left %'")
        == 50 }), 'writers run to their end';
at_rest('gone while a flow waits');


# slow clients

my @slow = map { $p->socket } 1 .. 200;
syswrite $_, "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    for @slow;
$since = time;
is $p->get($path, %as)->{status}, 200, 'two hundred slow ones hold up nobody'
    for 1 .. 5;
cmp_ok time - $since, '<', 2 * $Pando::SLOW, 'not even a little';
ok $p->wait_for(sub { open_files() < 100 }, 15), 'and are closed in time';
close $_ for @slow;


# hostile bodies

sub refused
{
    my ($what, $status, $body, @headers) = @_;
    my $r = $p->post($path, $body, %as, @headers);

    is $r->{status}, $status, "$what: $status";
    is $r->header('Content-Type'), 'application/problem+json',
        "$what: as a problem";
    return $r;
}

refused('100,000 deep', 413, '[' x 100_000);
refused('deep', 400, '{"name":' . '[' x 20_000);
refused('many members', 422, '{' . join(',', map { "\"a$_\":1" } 1 .. 5000)
        . '}');
refused('a NUL', 400, '{"name":"a' . "\0" . '"}');
refused('an escaped NUL', 400, '{"name":"a\u0000"}');
refused('no UTF-8', 400, "{\"name\":\"a\xff\"}");
refused('a lone surrogate', 400, '{"name":"\ud800"}');
refused('twice the same', 400, '{"name":"a","name":"b"}');
refused('half of it', 400, '{"name":"a"');
refused('more behind it', 400, '{"name":"a"} {}');
refused('nothing', 400, '');
refused('not an object', 422, '[]');
refused('a huge number', 400, '{"name":"a","amount":1' . '0' x 400 . '}');
refused('beyond 64 bits', 422, '{"name":"a","amount":9223372036854775808}');
refused('too long', 413, '{"name":"' . 'a' x 70_000 . '"}');
refused('another type', 415, '<name/>', 'Content-Type' => 'application/xml');
refused('a compressed body', 415, "\x1f\x8b\x08", 'Content-Encoding' => 'gzip');

my $s = $p->socket;
syswrite $s, "POST $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    . "Authorization: Bearer $token\r\nContent-Type: application/json\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n";
my $sent = 0;
local $SIG{PIPE} = 'IGNORE';
syswrite($s, sprintf "%x\r\n%s\r\n", 8192, 'a' x 8192) and $sent += 8192
    for 1 .. 200;
my $in = '';
1 while sysread $s, $in, 65536, length $in;
like $in, qr{^HTTP/1.1 413}, 'an endless chunked body is cut off';

for my $bad (
    "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        . "Content-Length: 4\r\n\r\n{}\r\n",
    "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n{}\r\n",
    "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
) {
    my $s = $p->socket;
    syswrite $s, $bad;
    my $in = '';
    1 while sysread $s, $in, 65536, length $in;
    like $in, qr{^HTTP/1.1 400}, 'an ambiguous length is refused';
}

at_rest('hostile bodies');


# pipelined requests keep their order

$s = $p->socket;
my $one = "GET $path/greeting?x=%d HTTP/1.1\r\nHost: x\r\n"
        . "X-Request-Id: id-%d\r\n\r\n";
syswrite $s, join '', map { sprintf $one =~ s/\?x=%d//r, $_ } 1 .. 100;
$in = '';
$p->wait_for(sub {
    sysread $s, $in, 65536, length $in;
    (() = $in =~ /^X-Request-Id/mg) == 100;
});
is join(' ', $in =~ /^X-Request-Id: id-(\d+)/mg), join(' ', 1 .. 100),
    'a hundred pipelined requests are answered in order';


# HTTP/2: many streams on few connections

my $said = qx(h2load -n 4000 -c 4 -m 50 -B unix:$p->{dir}/h2.sock \\
    -H 'authorization: Bearer $token' http://localhost$path 2>&1);
like $said, qr/4000 succeeded, 0 failed/, '4,000 streams of HTTP/2';


# ten thousand failures leave nothing

my ($fails, $before) = (0, undef);

for my $round (1 .. 100) {
    my @r = $p->parallel(
        (map { [ GET => "$path/01890000-0000-7000-8000-00000000000$_", %as ] }
            0 .. 9) x 5,
        (map { [ POST => $path, body => { name => 'gone' }, %as ] } 1 .. 25),
        (map { [ GET => "$path/waits/transaction?ms=1&fail=1", %as ] } 1 .. 15),
        (map { [ POST => $path, body => '{', %as ] } 1 .. 10));
    $fails += grep { ($_->{status} // 0) =~ /^4/ } @r;
    $before = resident() if $round == 30;
}

is $fails, 10_000, 'ten thousand failures';
at_rest('ten thousand failures');
# a sanitizer keeps the history of each block, and so grows by itself
cmp_ok resident() - $before, '<', $Pando::SLOW > 1 ? 262_144 : 4096,
    'memory does not grow with them';
cmp_ok open_files() - $files, '<', 30, 'nor do descriptors';

done_testing;
