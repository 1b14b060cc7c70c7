# Idempotency-Key: one effect and one reply, whatever happens in between.

use Pando;

my $p = Pando->new(domains => ['probe'], workers => 2);
my %as = (token => { scope => 'probe:admin' });
my $path = '/api/v1/probes';

sub added
{
    my ($name, $key, %more) = @_;
    return $p->post($path, { name => $name }, %as, 'Idempotency-Key' => $key,
                    %more);
}

my $first = added('a', 'key-1');
is $first->{status}, 201;
is $first->header('Idempotency-Replayed'), undef;

my $again = added('a', 'key-1');
is $again->{status}, 201, 'the same key again';
is $again->{body}, $first->{body}, 'gives the same reply';
is $again->header('ETag'), $first->header('ETag'), 'with its tag';
is $again->header('Idempotency-Replayed'), 'true', 'and says so';
is $p->sql("select count(*) from probe.probes where name = 'a'"), 1, 'once';
is $p->sql("select count(*) from pando.outbox"), 1, 'one event';

my $r = added('b', 'key-1');
is $r->{status}, 422, 'another body is another request';
is $r->json->{code}, 'idempotency_key_reused';
is $p->sql("select count(*) from probe.probes where name = 'b'"), 0;

$r = $p->post("$path/pairs", { name => 'a' }, %as,
              'Idempotency-Key' => 'key-1');
is $r->{status}, 422, 'so is another route';

for my $bad ('', 'x' x 256, "a b", "caf\xc3\xa9") {
    is added('c', $bad)->{status}, 400, 'a key of ' . length($bad);
}

is added('d', 'x' x 255)->{status}, 201, 'a key of 255';


# what failed is not kept

is added('a', 'key-2')->{status}, 409, 'a conflict';
is added('e', 'key-2')->{status}, 201, 'leaves the key free';


# other callers and tenants have keys of their own

$r = $p->post($path, { name => 'f' }, 'Idempotency-Key' => 'key-1',
    token => { scope => 'probe:admin',
               sub => '00000000-0000-7000-8000-0000000000f1' });
is $r->{status}, 201, 'another caller';
$r = $p->post($path, { name => 'a' }, 'Idempotency-Key' => 'key-1',
    token => { scope => 'probe:admin',
               tid => '00000000-0000-7000-8000-0000000000f2' });
is $r->{status}, 201, 'another tenant';


# a transaction of the handler's own

$r = $p->post("$path/pairs", { name => 'g' }, %as, 'Idempotency-Key' => 'p');
is $r->{status}, 204;
$r = $p->post("$path/pairs", { name => 'g' }, %as, 'Idempotency-Key' => 'p');
is $r->{status}, 204, 'an empty reply is replayed too';
is $p->sql("select count(*) from probe.probes where name like 'g%'"), 2;


# a hundred at once

my @r = $p->parallel(map { [ POST => $path, body => { name => 'rush' }, %as,
                             'Idempotency-Key' => 'rush' ] } 1 .. 100);
my %n;
$n{ $_->{status} }++ for @r;
is $p->sql("select count(*) from probe.probes where name = 'rush'"), 1,
    'a hundred at once: one effect';
ok $n{201} >= 1, 'at least one is told so';
is $n{201} + ($n{409} // 0), 100, 'the others too, or to come back';
is scalar(keys %{{ map { $_->json->{id} => 1 }
                   grep { $_->{status} == 201 } @r }}), 1, 'of the same row';

@r = $p->parallel(map { [ POST => $path, body => { name => "k$_" }, %as,
                          'Idempotency-Key' => "k$_" ] } 1 .. 100);
is scalar(grep { $_->{status} == 201 } @r), 100,
    'a hundred keys at once: a hundred effects';


# kill -9 at a random instant, and a retry until it is answered

for my $round (1 .. 12) {
    my $name = "kill $round";
    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        eval { $p->post($path, { name => $name }, %as,
                        'Idempotency-Key' => "kill-$round", timeout => 2) };
        require POSIX;
        POSIX::_exit(0);
    }

    select undef, undef, undef, rand 0.004;
    $p->kill_worker('KILL', $_) for ($p->worker_pids)[$round % 2];
    waitpid $pid, 0;

    my $reply;
    $p->wait_for(sub {
        $reply = eval { $p->post($path, { name => $name }, %as,
                                 'Idempotency-Key' => "kill-$round") };
        $reply && $reply->{status} == 201;
    }, 10);

    is $reply && $reply->{status}, 201, "round $round is answered";
    is $p->sql('select count(*) from probe.probes where name = ?', $name), 1,
        'with one effect';
}

done_testing;
