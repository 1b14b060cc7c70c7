# Two nodes of four workers: subscribers that leave and come back at random, on
# either node and over reloads and a worker's death, end up with every offset
# once and in order.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Server;
use Talk;

my $room = 'room:all';
my $redis = Pando::Server->redis;
my %set = (workers => 4, redis => $redis->socket,
    main => 'worker_shutdown_timeout 5s;',
    http => 'pando_set realtime.history_size 10000; pando_set realtime.connections 1000;');
my ($a, $b) = map { Pando->new(%set) } 1 .. 2;
my @nodes = ($a, $b);
my %as = (token => $a->token(scope => 'realtime:write'));
my $sent = 0;

# Both take each other's tokens.
$b->write('keys.json', $a->log('keys.json'));
$b->reload;

sub publish
{
    my ($n) = @_;

    for my $node (@nodes) {
        my @r = $node->parallel(map { [ POST => '/api/v1/realtime/publish',
            body => { channel => $room, data => $_ }, %as ] } 1 .. $n);
        @r = map { $_->{status} == 200 ? () : $_->{status} } @r;
        is_deeply \@r, [], "$n are published" if @r;
        $sent += $n;
    }
}

# Joins again where it was, on any node.
sub join_in
{
    my ($s) = @_;
    my $t = $s->{talk} = Talk->new($nodes[rand @nodes], %as);
    my @at = $s->{epoch} ? (epoch => $s->{epoch}, offset => scalar @{ $s->{seen} }) : ();
    my $r = $t->ask('subscribe', channel => $room, @at) // {};

    $s->{joins}++;
    $s->{epoch} //= $r->{epoch};
    $s->{lost}++ if @at && !$r->{recovered};
    $s->{failed}++ if ($r->{type} // '') ne 'reply';
}

# Takes what is there; seconds: waits for it.
sub take
{
    my ($s, $seconds) = @_;

    while (my $m = $s->{talk}->told($seconds)) {
        push @{ $s->{seen} }, $m->{offset} if $m->{type} eq 'message';
        $s->{lost}++ if $m->{type} eq 'lost';
        last if $seconds && @{ $s->{seen} } >= $sent;
    }

    join_in($s) if $s->{talk}{closed} || $s->{talk}{code};
}

my @subs = map { { seen => [] } } 1 .. 24;
join_in($_) for @subs;

for my $round (1 .. 20) {
    publish(10);
    take($_, 0) for @subs;

    for (grep { rand() < 0.3 } @subs) {
        close $_->{talk}{socket};
        publish(1) if rand() < 0.5;
        join_in($_);
    }

    $nodes[$round / 5 % 2]->reload if $round % 5 == 0;
    $a->kill_worker('KILL') if $round == 12;
}

for my $s (@subs) {
    for (1 .. 100) {
        last if @{ $s->{seen} } >= $sent;
        take($s, 1);
    }
}

my $n = 0;

for my $s (@subs) {
    $n++;
    is scalar @{ $s->{seen} }, $sent, "subscriber $n has as many as were published";
    is "@{ $s->{seen} }", join(' ', 1 .. $sent), 'each once and in order';
    is $s->{lost} // 0, 0, 'and lost nothing';
    is $s->{failed} // 0, 0, 'nor could it not come back';
}

my $joins = 0;
$joins += $_->{joins} for @subs;
cmp_ok $joins, '>', 2 * @subs, "they came back often ($joins)";

done_testing;
