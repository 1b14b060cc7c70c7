# What many transfers, and those that end badly, leave behind: nothing.

use Pando;
use Pando::Elsewhere;
use File::Temp;
use IO::Select;
use Time::HiRes qw(sleep time);

my $answer = \&Pando::Elsewhere::answer;
my $path = '/api/v1/fetcher';
my $flag = File::Temp::tempdir(CLEANUP => 1) . '/ill';

my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my ($at) = $rq->{path} =~ m{^/([^?]*)};

    if ($at eq 'hang') {
        sleep 60;
        return 'close';
    } elsif ($at eq 'wait') {
        sleep 1;
    } elsif ($at eq 'ill' && -e $flag) {
        $s->print($answer->(503, 'ill'));
        return;
    } elsif ($at eq 'reset') {
        $s->print("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nh");
        return 'close';
    } elsif ($at eq 'gate') {
        my $until = time + 60;
        sleep 0.02 while !-e "$flag.gate" && time < $until;
    }

    $s->print($answer->(200, "well $at"));
});

my $port = $web->port;
my $common = "pando_tenant $Pando::Token::TENANT;
              pando_outbound_allow 127.0.0.1; pando_outbound_ports $port;";
my $p = Pando->new(domains => ['fetcher'], workers => 1,
    main => 'worker_shutdown_timeout 30s;',
    http => "$common pando_outbound_limits failures=100000 per_host=16;",
    server => 'location = /metrics { pando_exposition; }');

sub fetch
{
    my ($at, %opt) = @_;
    my $r = $p->put("$path/fetch", { url => "http://127.0.0.1:$port$at", %opt });
    return $r->json // { error => "status $r->{status}", why => $r->{body} };
}

sub asked
{
    my ($at, %opt) = @_;
    return [ PUT => "$path/fetch",
             body => { url => "http://127.0.0.1:$port$at", %opt } ];
}

sub gauge
{
    my ($name) = @_;
    my ($n) = $p->get('/metrics')->{body} =~ /^\Q$name\E ([\d.e+]+)$/m;
    return $n // 0;
}

sub open_files
{
    my ($pid) = $p->worker_pids;
    return scalar(() = glob "/proc/$pid/fd/*");
}

sub resident
{
    my ($pid) = $p->worker_pids;
    open my $in, '<', "/proc/$pid/status" or return 0;
    my ($kb) = join('', <$in>) =~ /VmRSS:\s+(\d+)/;
    return $kb;
}

sub at_rest
{
    my ($what) = @_;
    ok $p->wait_for(sub { gauge('pando_flows_running') == 0
                          && gauge('pando_outbound_transfers') == 0 }, 30),
        "$what: no flow and no transfer is left";
    is fetch('/x')->{error}, 'ok', "$what: the next one is served";
}


# a thousand, good and bad, many at once

sub round
{
    my @r = $p->parallel(map { asked($_, timeout_ms => 20000) }
                         ('/x') x 40, ('/reset') x 10);
    my @got = map { ($_->json // {})->{error} // 'none' } @r;

    return scalar(grep { $got[$_] eq ($_ < 40 ? 'ok' : 'broken') } 0 .. 49);
}

at_rest('to begin with');
round() for 1 .. 4;
my ($files, $memory) = (open_files(), resident());
my $good = 0;
$good += round() for 1 .. 20;
is $good, 1000, 'a thousand transfers end as they should';
at_rest('a thousand');
cmp_ok open_files() - $files, '<', 20, 'no descriptors are left';
cmp_ok resident() - $memory, '<', $Pando::SLOW > 1 ? 262_144 : 6144,
    'nor memory';


# a line, where there are too many at once

my @s = map { my $s = $p->socket; syswrite $s, $p->message(@{ asked('/gate') });
              $s } 1 .. 20;
ok $p->wait_for(sub { gauge('pando_outbound_transfers') == 16 }, 30),
    'so many to a host at once';
ok $p->wait_for(sub { gauge('pando_flows_running') == 20 }, 30),
    'others wait for their turn';
is fetch('/x', timeout_ms => 300)->{error}, 'busy',
    'or do not get it in time';
open my $gate, '>', "$flag.gate" or die;
close $gate;

for my $s (@s) {
    my $in = '';
    IO::Select->new($s)->can_read(30 * $Pando::SLOW)
        and sysread $s, $in, 65536;
    like $in, qr/well gate/, 'each has its turn' if $s == $s[0] || $s == $s[-1]
        or $in !~ /well gate/;
    close $s;
}

at_rest('a line');


# flows that end while they wait

for my $n (1 .. 20) {
    my $s = $p->socket;
    syswrite $s, $p->message(@{ asked('/hang', timeout_ms => 25000) });
    push @s, $s;
}

ok $p->wait_for(sub { gauge('pando_outbound_transfers') == 16 }, 30),
    'transfers that hang';
my ($worker) = $p->worker_pids;
$p->kill_worker('KILL', $worker);
at_rest('a worker that is killed');
@s = ();

$p->configure(http => "$common pando_deadline 1s;
    pando_outbound_limits failures=100000 per_host=16;");
$p->reload;

my @r = $p->parallel(map { asked('/hang', timeout_ms => 400) } 1 .. 60);
is scalar(grep { ($_->json // {})->{error} =~ /^(?:timeout|busy)$/ } @r), 60,
    'each ends at its own time';
at_rest('time-outs');


# a client that leaves, and a deadline, end what only reads

my $hang = "url=http://127.0.0.1:$port/hang";
$p->configure(http => "$common
    pando_outbound_limits failures=100000 per_host=100;");
$p->reload;
@s = map { my $s = $p->socket;
           syswrite $s, $p->message(GET => "$path/read?$hang"); $s } 1 .. 30;
ok $p->wait_for(sub { gauge('pando_outbound_transfers') == 30 }, 30),
    'clients wait for what others say';
close $_ for splice @s;
at_rest('clients that leave');

@r = $p->parallel(map { [ GET => "$path/brief?$hang" ] } 1 .. 30);
is scalar(grep { $_->{status} == 503 && $_->json->{code} eq 'timed_out' } @r),
    30, 'a deadline of a flow';
at_rest('deadlines');


# reload while they are under way

@s = map { my $s = $p->socket; syswrite $s, $p->message(@{ asked('/wait') });
           $s } 1 .. 10;
ok $p->wait_for(sub { gauge('pando_outbound_transfers') == 10 }, 30),
    'transfers under way';
($worker) = $p->worker_pids;
$p->reload;

for my $s (@s) {
    my $in = '';
    1 while IO::Select->new($s)->can_read(30 * $Pando::SLOW)
        && sysread $s, $in, 65536, length $in;
    like $in, qr/well wait/, 'what was under way is answered';
}

ok $p->wait_for(sub { !-d "/proc/$worker" }, 30), 'and the old worker goes';
at_rest('a reload');


# a breaker for all workers

$p->configure(workers => 2,
    http => "$common pando_outbound_limits failures=4 open=5s;");
$p->reload;

open my $ill, '>', $flag or die "$flag: $!\n";
close $ill;
my (%errors, %by);

for (1 .. 12) {
    $errors{fetch('/ill', once => JSON::PP::true)->{error}}++;
}

is $errors{ok}, 4, 'a host that fails is asked so often'
    or diag explain \%errors;
is $errors{breaker_open}, 8, 'and then left alone, by whichever worker';
is gauge('pando_outbound_breakers_open'), 1;
my $got = fetch('/x');
is $got->{error}, 'breaker_open';
cmp_ok $got->{retry_after_ms}, '>', 0, 'it is said for how long';
cmp_ok $got->{retry_after_ms}, '<=', 5000;

$web->forget;
my @opened;
ok $p->wait_for(sub {
    push @opened, grep { ($_->json // {})->{error} eq 'ok' } $p->parallel(
        map { asked('/ill', once => JSON::PP::true) } 1 .. 10);
    @opened;
}, 30), 'then somebody asks';
is scalar @opened, 1, 'one alone';
is scalar $web->requests, 1, 'and sees that it is still ill';
is fetch('/x')->{error}, 'breaker_open', 'so it is left alone again';

unlink $flag;
is $p->delete("$path/breakers/127.0.0.1:$web->{port}")->{status}, 204, 'but where it is told';
is fetch('/ill')->{error}, 'ok', 'it is asked at once';
is $p->delete("$path/breakers/127.0.0.1:$web->{port}")->{status}, 404, 'once';
ok $p->wait_for(sub { fetch('/ill')->{error} eq 'ok' }, 30),
    'until it is well';
is scalar(grep { ($_->json // {})->{error} eq 'ok' }
          $p->parallel(map { asked('/x') } 1 .. 20)), 20, 'for everybody';
is gauge('pando_outbound_breakers_open'), 0;
$p->reload;
is gauge('pando_outbound_breakers_open'), 0;

done_testing;
