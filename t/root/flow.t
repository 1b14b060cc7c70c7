# Flows: many that wait at once, a cap, deadlines, threads, bugs.

use Pando;
use Time::HiRes qw(time);

my $p = Pando->new(domains => ['probe'], workers => 1,
    main => 'thread_pool small threads=1 max_queue=2;',
    http => 'pando_flows 300; pando_set probe.greeting good-day;',
    server => 'pando_tenant 00000000-0000-7000-8000-000000000001;
               location = /metrics { pando_exposition; }');
my $path = '/api/v1/probes';

sub gauge
{
    my ($name) = @_;
    my ($value) = $p->get('/metrics')->{body}
        =~ /^\Q$name\E(?:\{[^}]*\})? ([\d.e+]+)$/m;

    return $value // die "there is no $name\n";
}


# waiting costs a flow, not a worker

my $since = time;
my @r = $p->parallel(map { [ GET => "$path/waits/time?ms=200" ] } 1 .. 250);
is scalar(grep { $_->{status} == 200 } @r), 250, '250 wait at once';
cmp_ok time - $since, '<', 5 * $Pando::SLOW, 'not one after the other';
cmp_ok gauge('pando_flows_most'), '>=', 200, 'as many flows';


# beyond the cap

@r = $p->parallel(map { [ GET => "$path/waits/time?ms=500" ] } 1 .. 400);
my @full = grep { $_->{status} == 503 } @r;
is scalar(grep { $_->{status} == 200 } @r), 400 - @full;
cmp_ok scalar(@full), '>=', 50, 'beyond the cap there is an answer too';
is $full[0]->json->{code}, 'overloaded';
is $full[0]->header('Retry-After'), 1;
cmp_ok gauge('pando_flows_refused_total'), '>=', 50, 'and it is counted';


# deadlines, of each kind of wait

for my $kind (qw(time transaction)) {
    my $since = time;
    my $r = $p->get("$path/waits/$kind?ms=6000");

    is $r->{status}, 503, "$kind: a deadline of two seconds";
    is $r->json->{code}, 'timed_out';
    cmp_ok time - $since, '<', 4 * $Pando::SLOW, 'is kept';
}

is $p->get("$path/waits/database?ms=6000")->json->{code}, 'timed_out',
    'a statement has one in the server, too';


# threads

my $r = $p->get("$path/waits/thread?ms=10");
is $r->{body}, 500_000, 'a thread works for a flow';
@r = $p->parallel(map { [ GET => "$path/waits/thread?ms=$_" ] } 1 .. 40);
is join(' ', map { $_->{body} } @r), join(' ', map { $_ * 50_000 } 1 .. 40),
    'forty flows, each with its own result';

for (1 .. 20) {
    my $s = $p->socket;
    syswrite $s, $p->message('GET', "$path/waits/thread?ms=300");
    close $s;
}

ok $p->wait_for(sub { gauge('pando_flows_running') == 0 }, 20),
    'flows that were ended while a thread works for them';


# a bug is one answer and one alert

$p->expect(qr/not so: 1 \+ 1 == 3/);
$r = $p->get("$path/waits/bug");
is $r->{status}, 500, 'a bug';
is $r->json->{code}, 'internal';
unlike $r->{body}, qr/1 \+ 1|probe_waits/, 'says nothing of the inside';
like $p->log, qr/not so: 1 \+ 1 == 3 at .*probe_waits\.c:\d+/, 'the log does';
is $p->get("$path/greeting")->{body}, 'good-day',
    'the next one is answered, by what is set';


# nothing is left

is gauge('pando_flows_running'), 0, 'no flow is left';
cmp_ok gauge('pando_flow_stack_deepest_bytes'), '>', 4095, 'a stack was used';
cmp_ok gauge('pando_flow_stack_deepest_bytes'), '<', 65536, 'but not deeply';

done_testing;
