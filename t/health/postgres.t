# What PostgreSQL says of itself: connections, the oldest transaction, how far
# a replica is behind, the age of transaction ids; and queues of jobs.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 1);
my $p = $t->{p};
my $path = '/health-checks';
my $n = 0;

sub target
{
    my ($target, %more) = @_;
    return $t->post($path, { name => 'c' . ++$n, component => 'database', kind => 'postgres',
                             interval_s => 86400, target => $target, %more });
}

# What a check with that target finds now.
sub finds
{
    my ($target, %more) = @_;
    my $r = target($target, %more);

    return "$r->{status} $r->{body}" unless $r->{status} == 201;
    $r = $t->post("$path/" . $r->json->{id} . '/run')->json;
    return "$r->{outcome} $r->{detail}";
}

is finds({}), 'pass ', 'it answers';
is finds({ slow_ms => 60000 }), 'pass ';
like finds({ warn_percent => 100, fail_percent => 100 }), qr/^pass \d+ % of its connections$/;
like finds({ warn_percent => 1, fail_percent => 100 }), qr/^(?:pass 0|warn \d+) % of its conn/;

my $other = DBI->connect("dbi:Pg:$p->{database}", '', '', { RaiseError => 1, AutoCommit => 0 });
$other->do('select 1');
ok $p->wait_for(sub { finds({ age_warn_s => 2 }) =~ /^warn \d+ s of a transaction$/ }, 30),
    'a transaction that stays open';
like finds({ age_warn_s => 1, age_fail_s => 2 }), qr/^fail \d+ s of a transaction$/;
like finds({ age_warn_s => 3600, lag_warn_s => 10, xids_warn => 1_000_000_000 }),
    qr/^pass 0 s behind, \d+ s of a transaction, \d+ transaction ids$/, 'several at once';
$other->rollback;
ok $p->wait_for(sub { finds({ age_warn_s => 2 }) =~ /^pass \d s of a transaction$/ }, 30),
    'until it ends';

my $xids = $p->sql('select max(age(datfrozenxid)) from pg_database where datallowconn');
like finds({ xids_fail => 1 }), qr/^fail \d+ transaction ids$/, "$xids transaction ids";
like finds({ xids_fail => 2_000_000_000 }), qr/^pass \d+ transaction ids$/;
is finds({ lag_fail_s => 60 }), 'pass 0 s behind', 'without a replica nothing is behind';

for ({ lag_warn_s => 9, lag_fail_s => 8 }, { age_warn_s => 9, age_fail_s => 8 },
     { xids_warn => 9, xids_fail => 8 }, { warn_percent => 9, fail_percent => 8 },
     { path => '/' })
{
    is target($_)->json->{code}, 'target_invalid', join ' ', %$_;
}

is target({ lag_warn_s => 'x' })->{status}, 422, 'no text';
is target({ lag_warn_s => 0 })->{status}, 422, 'no zero';
is target({ age_warn_s => 1 }, kind => 'disk')->json->{code}, 'target_invalid';


# queues

is target({}, kind => 'queue')->json->{code}, 'target_invalid', 'a queue needs a bound';
is finds({ age_warn_s => 60 }, kind => 'queue'), 'pass 0 s due', 'nothing waits';
$p->sql(q{select pando.enqueue('nurse.wash', '{}')});
my $job = $p->sql(q{update pando.jobs set run_at = now() - interval '100 s' returning id});
like finds({ age_warn_s => 60 }, kind => 'queue'), qr/^warn 1\d\d s due$/, 'a job waits';
like finds({ age_warn_s => 60, age_fail_s => 90, job => 'nurse.wash' }, kind => 'queue'),
    qr/^fail 1\d\d s due$/;
is finds({ age_warn_s => 60, job => 'nurse.feed' }, kind => 'queue'), 'pass 0 s due',
    'but not of that kind';
$p->sql(q{update pando.jobs set run_at = now() + interval '1 h'});
is finds({ age_warn_s => 60 }, kind => 'queue'), 'pass 0 s due', 'what is not due is not late';

done_testing;
