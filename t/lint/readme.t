# README.md's table of domains is the list of modules/: the table whose first
# column is headed "Domain".

use strict;
use warnings;

use Pando::Lint;
use Test::More;


sub readme
{
    my ($dir) = @_;
    my @domains = domains($dir);
    my (%row, $within);

    for (split /\n/, text("$dir/README.md")) {
        $within = 1, next if /^\|\s*Domain\s*\|/i;
        next unless $within;
        last unless /^\|/;
        $row{$1} = 1 if /^\|\s*[`*\[]*([a-z]\w*)/;
    }

    return 'README.md: has no table of domains' if @domains && !$within;
    return ((map { "README.md: the table does not name $_" }
                grep { !$row{$_} } @domains),
            (map { "README.md: there is no modules/$_" }
                grep { !-d "$dir/modules/$_" } sort keys %row));
}


my $table = "| Domain | what |\n|---|---|\n| `hats` | them |\n\n| else | |\n";

lint readme => \&readme,
    keeps => { 'modules/hats/hats.h' => '', 'README.md' => $table },
    breaks => [
        { 'modules/hats/hats.h' => '' }, qr/has no table/,
        { 'modules/hats/hats.h' => '', 'README.md' => "# Pando\n" },
            qr/has no table/,
        { 'modules/hats/hats.h' => '', 'modules/shoes/shoes.h' => '',
          'README.md' => $table }, qr/does not name shoes/,
        { 'modules/shoes/shoes.h' => '', 'README.md' => $table },
            qr/no modules\/hats/,
    ];

done_testing;
