# make bench, in its shortest form: that it ends, tears down what it started
# and writes down what it found, in the form that others read.

use Pando alone => 1;

use JSON::PP;

my $json = "$Pando::BUILD/t/bench.json";

{
    local @ENV{qw(BENCH ROUNDS SECONDS PEERS CONNECTIONS BENCH_JSON)} =
        ('read', 1, 1, '', 8, $json);
    unlink $json;

    my $table = qx($Pando::ROOT/t/bench/run 2>$json.log);

    is $?, 0, 'it succeeds' or diag(qx(tail -n 20 $json.log));
    like $table, qr/^read \s+ pando \s+ [\d.]+\/s$/mx, 'and prints a table';
    like $table, qr/^ \s+ pgbench \s+ [\d.]+\/s \s+ [\d.]+ \s+ >=/mx,
        'with the ratio and what is expected of it';
}

open my $in, '<', $json or die "$json: $!\n";
my $told = decode_json(do { local $/; <$in> });
my ($read, $at) = @$told{qw(read conditions)};

is_deeply [ sort keys %$told ], [ qw(conditions read) ], 'only what was asked';
is_deeply [ sort keys %$read ], [ qw(pando pgbench ratio_pgbench) ],
    'a figure of each, a ratio for the other';
cmp_ok $read->{$_}, '>', 0, $_ for sort keys %$read;
cmp_ok abs($read->{pando} / $read->{pgbench} / $read->{ratio_pgbench} - 1),
    '<', 0.01, 'the ratio is that of the figures where there is one round';

is_deeply [ map { ref \$_ eq 'SCALAR' ? $_ : () } @$at{qw(connections rounds
    seconds)} ], [ 8, 1, 1 ], 'the conditions: what was asked for';
ok defined $at->{$_}, "the conditions: $_" for qw(cores date nginx postgresql
    load_average rows pgbench_clients commit wrk);

ok !-e "$Pando::BUILD/bench/pg/data/postmaster.pid", 'PostgreSQL is stopped';
ok !-e "$Pando::BUILD/bench/redis/pid", 'and so is Redis';

isnt system("BENCH=nothing $Pando::ROOT/t/bench/run >/dev/null 2>$json.log"),
    0, 'a case that is not there is refused';
like qx(cat $json.log), qr/there is no case nothing, but: read /,
    'and those that are are named';

done_testing;
