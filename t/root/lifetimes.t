# What a flow leaves behind when it is ended, run again or woken at an awkward
# moment: nothing that another one could stumble over.

use Pando;
use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

$SIG{PIPE} = 'IGNORE';

my $tenant = '00000000-0000-7000-8000-000000000001';
my $p = Pando->new(domains => ['probe', 'asker', 'straits'], workers => 1,
    main => 'worker_shutdown_timeout 500ms;',
    http => 'pando_peer nobody unix:DIR/nobody.sock;',
    server => "pando_tenant $tenant;
               location = /metrics { pando_exposition; }
               location = /api/v1/straits/whose {
                   pando_straits; pando_tenant off; }
               location = /api/v1/straits/ask {
                   pando_straits; limit_rate 10; }");
my $straits = '/api/v1/straits';
my $waits = '/api/v1/probes/waits';

sub running
{
    my ($n) = $p->get('/metrics')->{body} =~ /^pando_flows_running (\d+)/m;
    return $n;
}


# a flow that is run again starts as the domain it began as

is $p->get('/api/v1/asker/stumbles')->{body}, 'asker',
    'a callee loses a race, and the caller starts over as itself';
is $p->get('/api/v1/asker/stumbles')->{body}, 'asker', 'each time';


# a statement that cannot be bound is not begun: the connection that it would
# have used still answers what it is asked

is $p->get("$straits/whose")->{status}, 401, 'a tenant is asked for in vain';
is $p->get("$waits/database?ms=1", timeout => 5)->{status}, 200,
    'the next one on that connection is answered';


# results that come before all of a transaction is asked

is $p->get("$straits/early?n=21")->{body}, 42, 'each result to its statement';
is $p->get("$straits/early?n=4")->{body}, 8, 'prepared by now, too';


# a column changes its type under prepared statements

is $p->get("$straits/depth?n=$_")->{body}, 7, 'a column is read' for 0, 1;
$p->sql('alter table straits.depths alter n type bigint');
is $p->get("$straits/depth?n=$_")->{body}, 7, 'with a new type' for 0, 1;
is $p->get("$straits/depth?n=$_")->{body}, 7, 'and again' for 0, 1;
is scalar(grep { $_->{body} eq 7 } $p->parallel(map {
    [ GET => "$straits/depth?n=" . $_ % 2 ] } 1 .. 40)), 40, 'by many';
$p->sql('alter table straits.depths alter n type int');
is scalar(grep { $_->{body} eq 7 } $p->parallel(map {
    [ GET => "$straits/depth?n=" . $_ % 2 ] } 1 .. 40)), 40,
    'by many at once, after another change';


# reads share what one turn of the event loop sends, and an error is its own

for my $round (1 .. 3) {
    my @got = $p->parallel(map { [ GET => "$straits/share?n=" . $_ % 4 ] }
                           1 .. 60);

    is scalar(grep { $_->{status} == 422 } @got), 15, 'what fails, fails';
    is scalar(grep { $_->{status} == 200 && $_->{body} =~ /^(?:12|6|4)$/ }
              @got), 45, 'what was beside it does not';
}

is $p->get("$straits/sly")->{status}, 503, 'what goes by reads cannot write';
is $p->get("$straits/depth?n=0")->{body}, 7, 'and reads go on';


# a call whose flow is over, while its answer is still being sent: what the
# peer says then wakes nobody, not the flow that lies where it lay

my $listen = IO::Socket::UNIX->new(Local => "$p->{dir}/nobody.sock",
                                   Listen => 5) or die "listen: $!\n";
my $slow = $p->socket;
syswrite $slow, $p->message(GET => "$straits/ask");
my $peer = $listen->accept;
ok((IO::Select->new($slow)->can_read(10 * $Pando::SLOW)),
    'the deadline of a call is kept');

my $sleeper = $p->socket;
my $since = time;
syswrite $sleeper, $p->message(GET => "$waits/time?ms=1500");
$p->wait_for(sub { running() == 1 }, 5);
syswrite $peer, 'x' x 100_000 for 1 .. 3;
close $peer;
ok((IO::Select->new($sleeper)->can_read(10 * $Pando::SLOW)), 'it is answered');
cmp_ok time - $since, '>=', 1.4, 'another flow sleeps on';
close $_ for $slow, $sleeper;


# a thread that is done when the request and its connection are gone

for (1 .. 3) {
    my $s = $p->socket;

    syswrite $s, $p->message(GET => "$straits/spin?n=1000000");
    sysread $s, my $said, 65536;
    like $said, qr/^HTTP.1.1 503 .*timed_out/s, 'a thread is not waited for';
    close $s;
}

$p->wait_for(sub { $p->get("$waits/thread?ms=1")->{status} == 200 });
is $p->get("$waits/thread?ms=1")->{body}, 50_000, 'and threads go on';


# a connection whose socket libpq changes while it connects

$p->configure(database => "$p->{database} target_session_attrs=prefer-standby");
$p->reload;
$since = time;
is $p->get("$straits/depth?n=$_")->{body}, 7, 'a second try of libpq' for 0, 1;
cmp_ok time - $since, '<', 2 * $Pando::SLOW, 'takes no time-out';


# a worker that is told to go before its flows are over

my ($worker) = $p->worker_pids;
my @s = map { $p->socket } 1 .. 6;

syswrite $s[$_], $p->message(GET => $_ % 2 ? "$waits/transaction?ms=1800"
                                           : "$waits/time?ms=1800") for 0 .. 5;
$p->wait_for(sub { running() == 6 }, 5);
$p->reload;
ok $p->wait_for(sub { !-d "/proc/$worker" }, 20), 'goes, and leaves no alert';
is $p->get("$waits/time?ms=1")->{status}, 200, 'the next one works';

is running(), 0, 'no flow is left';

done_testing;
