# The rules of health that are pure C, built under the sanitizers and run; and
# those that live in the database.

use Pando;
use File::Temp qw(tempdir);

my $out = tempdir(CLEANUP => 1);
my $sql = -d "$Pando::BUILD/nginx/objs/pando" ? "$Pando::BUILD/nginx/objs/pando"
    : BAIL_OUT('nothing is built');
my @build = (qw(gcc -std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter
    -fno-sanitize-recover=all), "-fsanitize=address,undefined",
    "-I$Pando::ROOT/lua-free-handlers", "-I$sql", "-I$Pando::ROOT/modules/health",
    "-I$Pando::ROOT/t/root/unit");

ok system(@build, "$Pando::ROOT/t/health/rules_test.c",
          "$Pando::ROOT/modules/health/health_rules.c", '-o', "$out/rules") == 0,
    'the rules compile alone'
    or BAIL_OUT('they do not');

open my $run, '-|', "$out/rules" or die "rules: $!\n";
my ($ran, $plan) = (0, -1);

while (<$run>) {
    if (/^(not )?ok \d+ - (.*)/) {
        $ran++;
        ok !$1, $2;
    } elsif (/^1\.\.(\d+)/) {
        $plan = $1;
    } else {
        diag $_;
    }
}

ok close($run), 'they end well';
is $plan, $ran, 'and ran to their end';

done_testing;
