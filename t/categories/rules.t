# The rules of categories, which need no nginx.

use Pando;
use Pando::Unit;

my @values = qw(categories_kinds categories_units pando_pattern pando_money -lpcre2-8);

units(
    categories_kinds => [ qw(categories_units pando_pattern -lpcre2-8) ],
    categories_values => \@values,
);
done_testing;
