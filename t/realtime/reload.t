# Twenty reloads while messages are published: who is told to come back comes
# back, and has every message once and in order.

use FindBin;
use lib $FindBin::Bin;

use Pando;
use Pando::Server;
use Talk;

my $redis = Pando::Server->redis;
my $p = Pando->new(workers => 2, redis => $redis->socket,
    main => 'worker_shutdown_timeout 5s;',
    http => 'pando_set realtime.history_size 10000; pando_set realtime.connections 1000;');
my %as = (token => $p->token(scope => 'realtime:write'));
my ($sent, @waits, $bad) = (0);

sub publish
{
    my ($n) = @_;
    my @r = $p->parallel(map { [ POST => '/api/v1/realtime/publish',
        body => { channel => 'room:all', data => $_ }, %as ] } 1 .. $n);
    $sent += grep { $_->{status} == 200 } @r;
    $bad += grep { $_->{status} != 200 } @r;
}

sub join_in
{
    my ($s) = @_;
    my $t = $s->{talk} = Talk->new($p, %as);
    my @at = $s->{epoch} ? (epoch => $s->{epoch}, offset => scalar @{ $s->{seen} }) : ();
    my $r = $t->ask('subscribe', channel => 'room:all', @at) // {};

    $s->{epoch} //= $r->{epoch};
    $s->{lost}++ if @at && !$r->{recovered};
}

# Until it is closed, or, where seconds are given, until it has them all.
sub take
{
    my ($s, $seconds) = @_;
    my $t = $s->{talk};

    while (my $m = $t->told($seconds // 30)) {
        push @{ $s->{seen} }, $m->{offset} if $m->{type} eq 'message';
        last if $seconds && @{ $s->{seen} } >= $sent;
    }

    return if !$t->{closed} && !$t->{code};
    $s->{codes}{ $t->{code} // 'gone' }++;
    push @waits, $1 if ($t->{reason} // '') =~ /^\{"retry_after_ms":(\d+)\}$/;
    join_in($s);
}

my @subs = map { { seen => [] } } 1 .. 10;
join_in($_) for @subs;

for my $round (1 .. 20) {
    publish(5);
    $p->reload;
    publish(5);
    take($_) for @subs;
}

for my $s (@subs) {
    for (1 .. 60) {
        last if @{ $s->{seen} } >= $sent;
        take($s, 1);
    }
}

my $n = 0;

for my $s (@subs) {
    $n++;
    is "@{ $s->{seen} }", join(' ', 1 .. $sent), "subscriber $n: each once and in order";
    is $s->{lost} // 0, 0, 'nothing is lost';
    is_deeply $s->{codes}, { 1012 => 20 }, 'each time it was told to come back'
        or diag explain $s->{codes};
}

is $bad // 0, 0, 'nothing could not be published';
is $sent, 200, 'as many as were published';
is scalar @waits, 200, 'and when to come back';
cmp_ok scalar(grep { $_ < 10_000 } @waits), '>', 20, 'some soon';
cmp_ok scalar(grep { $_ >= 20_000 && $_ <= 30_000 } @waits), '>', 20, 'some late';

done_testing;
