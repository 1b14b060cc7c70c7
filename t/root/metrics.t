# Metrics: what is told is true, in both forms, and goes on over reloads and
# deaths of workers.

use Pando;
use Time::HiRes qw(sleep time);

my $http = "pando_tenant $Pando::Token::TENANT;";
my $server = 'location = /metrics { pando_exposition; }'
    . ' location = /plain { return 200 "plain\n"; }';
my $p = Pando->new(domains => ['probe'], workers => 4, http => $http,
                   server => $server);
my $hello = '/api/v1/probes/greeting';


sub scrape
{
    my ($accept) = @_;
    return $p->get('/metrics', $accept ? (Accept => $accept) : ());
}


# { 'name{labels}' => value } of a text
sub samples
{
    my ($text) = @_;
    my %value;

    for (split /\n/, $text) {
        next if /^#/;
        /^([a-z_]+(?:\{.*\})?) (\S+)$/ or fail("a sample: $_"), next;
        ok 0, "$1 comes twice" if exists $value{$1};
        $value{$1} = $2;
    }

    return \%value;
}


# How many requests of a domain, of any status, were counted.
sub counted
{
    my ($value, $labels) = @_;
    my $n = 0;

    for (keys %$value) {
        $n += $value->{$_}
            if /^http_server_request_duration_seconds_count\{.*$labels/;
    }

    return $n;
}


# The two forms

ok $p->wait_for(sub { samples(scrape()->{body})->{pando_workers} == 4 }),
    'the workers are counted';
is $p->get($hello)->{status}, 200;

my $r = scrape();
is $r->{status}, 200, 'there are metrics';
is $r->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8';
is $r->header('Cache-Control'), 'no-store';
is_deeply [ promtool($r->{body}) ], [], 'promtool has nothing to say';

my $v = samples($r->{body});
my $of = 'domain="probe",route="/api/v1/probes/greeting",'
    . 'method="GET",status="200"';
is $v->{"http_server_request_duration_seconds_count{$of}"}, 1,
    'a request is counted under its route';
is $v->{"http_server_request_duration_seconds_bucket{$of,le=\"+Inf\"}"}, 1;
is $v->{"http_server_request_duration_seconds_bucket{$of,le=\"10\"}"}, 1;
cmp_ok $v->{"http_server_request_duration_seconds_sum{$of}"}, '>', 0;
cmp_ok $v->{"http_server_request_duration_seconds_sum{$of}"}, '<', 10;
is $v->{pando_worker_deaths_total}, 0;

my ($each) = $p->log('nginx.conf') =~ /worker_connections\s+(\d+)/;
ok $p->wait_for(sub {
    samples(scrape()->{body})->{nginx_worker_connections} == 4 * $each;
}), 'all four workers tell of themselves';
is $v->{pando_flows_running}, 0;
ok $p->wait_for(sub {
    samples(scrape()->{body})->{'pando_db_pool_size{database="default",'
        . 'pool="writes"}'} == 4 * 8;
}), 'so are the pools';
cmp_ok $v->{nginx_connections_accepted_total}, '>=', 2;
cmp_ok abs($v->{process_start_time_seconds} - time), '<', 60;
like $r->{body}, qr/^pando_build_info\{version="[\d.]+",nginx="[\d.]+"\} 1$/m;

my $open = scrape('application/openmetrics-text;version=1.0.0,'
    . 'application/openmetrics-text;version=0.0.1;q=0.75,'
    . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1');
is $open->header('Content-Type'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8';
like $open->{body}, qr/\n# EOF\n\z/, 'OpenMetrics ends so';
like $open->{body}, qr/^# TYPE pando_build info$/m;
like $open->{body}, qr/^# TYPE pando_flows_started counter$/m;
like $open->{body}, qr/^pando_flows_started_total \d+$/m;
like $open->{body}, qr/le="1\.0"\}/;
is scalar(grep { !/_duration_seconds_|_lag_seconds_/ }
          keys %{ samples($open->{body}) }),
    scalar(grep { !/_duration_seconds_|_lag_seconds_/ } keys %$v),
    'both tell of the same';

like scrape($_)->header('Content-Type'), qr{^text/plain}, "Accept: $_"
    for 'text/plain', '*/*', 'application/openmetrics-text;q=0',
        'application/openmetrics-text;q=0.2, text/plain;q=0.9',
        'application/openmetrics-texts';

is $p->request('HEAD', '/metrics')->{status}, 200;
$r = $p->post('/metrics', {});
is $r->{status}, 405, 'they are not written to';
is $r->header('Allow'), 'GET, HEAD';
is $r->json->{code}, 'method_not_allowed';


# A series is a route's, never a client's

my $before = samples(scrape()->{body});

$p->get("/api/v1/probes/$_") for 1 .. 20, map { "x$_" } 1 .. 20;
$p->get("/nowhere/$_") for 1 .. 20;
$p->request($_, $hello) for qw(BREW FROB TRACE PROPFIND);
$p->request('GET', "$hello?a$_=b") for 1 .. 5;
$p->get('/plain');

my $after = samples(scrape()->{body});
my @new = map { /\{(.*)\}/ } grep { /_count/ && !exists $before->{$_} }
    keys %$after;

cmp_ok scalar @new, '<=', 6, 'many paths make few series' or diag "@new";
is counted($after, 'domain="probe",route="",method="GET",status="404"'), 40;
is counted($after, 'domain="",route="",method="GET",status="404"'), 20,
    'what no domain was asked for is nginx\'s own';
is counted($after, 'method="_OTHER",status="405"'), 4, 'strange methods';
ok !grep({ /BREW|FROB|x1/ } keys %$after), 'leave no trace';


# Gauges rise and fall

my $slow = $p->socket;
syswrite $slow, $p->message(GET => '/api/v1/probes/waits/time?ms=1500');
ok $p->wait_for(sub { samples(scrape()->{body})->{pando_flows_running} == 1 }),
    'a flow that runs is seen';
is samples(scrape()->{body})->{http_server_active_requests}, 1,
    'and its request';
ok $p->wait_for(sub { samples(scrape()->{body})->{pando_flows_running} == 0 }),
    'until it ends';


# Exactly: what clients were answered is what was counted

my $N = 50_000;
my $CLIENTS = 4;

sub load
{
    my ($n) = @_;
    my @pids;

    for (1 .. $CLIENTS) {
        my $pid = fork // die "fork: $!\n";
        push @pids, $pid;
        next if $pid;
        require POSIX;
        POSIX::_exit(client($n / $CLIENTS) ? 0 : 1);
    }

    return @pids;
}

# One connection after the other, as the server closes them.
sub client
{
    my ($left) = @_;
    my $request = "GET $hello HTTP/1.1\r\nHost: x\r\n\r\n";
    my ($s, $in);

    while ($left) {
        $s //= $p->socket;
        syswrite $s, $request or undef $s, next;
        $in = '';

        while ($in !~ /\r\n\r\nhello/) {
            sysread $s, $in, 4096, length $in or last;
        }

        return 0 if $in ne '' && $in !~ m{^HTTP/1\.1 200 .*hello$}s;
        $left-- if $in ne '';
        undef $s if $in eq '' || $in =~ /^Connection: close/m;
    }

    return 1;
}

sub total { return counted($_[0], 'greeting",method="GET",status="200"') }

my ($most, $looks) = (total(samples(scrape()->{body})), 0);
my $start = $most;

# Looks until the clients are done, and sees to it that nothing goes back.
sub watch
{
    my (%left) = map { $_ => 1 } @_;

    while (%left) {
        for my $pid (keys %left) {
            delete $left{$pid}, is($?, 0, 'a client got what it asked for')
                if waitpid $pid, 1;
        }

        my $now = total(samples(scrape()->{body}));
        $looks++;
        fail("$now after $most"), return if $now < $most;
        $most = $now;
        sleep 0.05;
    }
}

$SIG{PIPE} = 'IGNORE';

my @clients = load($N / 2);
$p->wait_for(sub { total(samples(scrape()->{body})) > $start + 1000 });
$p->reload;
watch(@clients);
is $most - $start, $N / 2, 'a reload under load loses no count';

$p->kill_worker('KILL');
is total(samples(scrape()->{body})), $most, 'nor does a worker that is killed';
ok $p->wait_for(sub {
    my $now = samples(scrape()->{body});
    $now->{pando_worker_deaths_total} == 1 && $now->{pando_workers} == 4;
}), 'which is counted itself';

@clients = load($N / 2);
$p->wait_for(sub { total(samples(scrape()->{body}))
                   > $start + $N / 2 + 1000 });
$p->configure(http => "$http pando_flows 1000;");
$p->reload;
watch(@clients);

is $most - $start, $N, "all $N were counted" ;
cmp_ok $looks, '>', 10, "and never fewer, in $looks looks";


# A reload that takes the routes away and brings them back

$p->configure(domains => []);
$p->reload;
is total(samples(scrape()->{body})), $most, 'counters outlive their route';
$p->configure(domains => ['probe']);
$p->reload;
is $p->get($hello)->{status}, 200;
is total(samples(scrape()->{body})), $most + 1, 'and go on when it is back';


# A zone that has to grow takes over what there was

$p->configure(workers => 12);
$p->reload;
is total(samples(scrape()->{body})), $most + 1, 'more workers, same counts';
is samples(scrape()->{body})->{pando_workers}, 12;


sub promtool
{
    my ($text) = @_;

    return if system('command -v promtool >/dev/null');

    my $path = $p->write('metrics.txt', $text);
    open my $tool, '-|', "promtool check metrics <'$path' 2>&1"
        or die "promtool: $!\n";
    my @said = <$tool>;
    close $tool;

    return @said if $? || @said;
    return;
}

done_testing;
