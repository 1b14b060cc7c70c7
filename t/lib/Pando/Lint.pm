# For t/lint: a rule of the house is a function that reads a folder and says
# what breaks the rule, a line each.
#
#   lint rule => \&rule,
#        breaks => [ { 'modules/x/x.c' => 'text' }, qr/what it says/, ... ],
#        keeps  => { ... };
#
# It must find nothing in the project, what it should in each tree that is
# planted to break it, and nothing in the one that keeps it.

package Pando::Lint;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Find ();
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT = qw(lint files text code blanked domains);

my $ROOT = abs_path(dirname(__FILE__) . '/../../..');


sub lint
{
    my ($name, $rule, %planted) = @_;
    my @said = $rule->($ROOT);

    ok(!@said, "$name: the project keeps it")
        or diag(join "\n", @said[0 .. ($#said > 40 ? 40 : $#said)]);

    my @breaks = @{ $planted{breaks} };

    while (my ($tree, $says) = splice @breaks, 0, 2) {
        my $found = join "\n", $rule->(plant($tree));
        like($found, $says, "$name: a planted violation is found");
    }

    is(join("\n", $rule->(plant($planted{keeps}))), '',
       "$name: what keeps it is left alone") if $planted{keeps};
}


sub plant
{
    my ($tree) = @_;
    my $dir = tempdir(CLEANUP => 1);

    for my $path (keys %$tree) {
        make_path(dirname("$dir/$path"));
        open my $out, '>', "$dir/$path" or die "$dir/$path: $!\n";
        print $out $tree->{$path};
        close $out;
    }

    return $dir;
}


# The project's own files below a folder, by their paths in it.
sub files
{
    my ($dir, $pattern) = @_;
    my @paths;

    File::Find::find({ no_chdir => 1, wanted => sub {
        my $path = $File::Find::name =~ s{^\Q$dir\E/?}{}r;

        if ($path =~ m{^(?:\.git|var|build(?:-[^/]*)?)$|/?node_modules$}) {
            $File::Find::prune = 1;
        } elsif (!-l $File::Find::name && -f _ && $path =~ $pattern) {
            push @paths, $path;
        }
    } }, $dir) if -d $dir;

    @paths = sort @paths;
    return @paths;
}


sub text
{
    my ($path) = @_;

    open my $in, '<:raw', $path or return '';
    local $/;
    return <$in> // '';
}


# C with comments and what is quoted made blank, lines kept.
sub code
{
    my ($text) = @_;

    $text =~ s{(/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
              {blanked($1)}gse;
    return $text;
}


sub blanked
{
    my ($text) = @_;

    $text =~ s/[^\n]/ /g;
    return $text;
}


sub domains
{
    my ($dir) = @_;
    my %seen;

    $seen{$_} = 1 for map { m{^modules/([^/]+)/} } files($dir, qr{^modules/});
    my @names = sort keys %seen;
    return @names;
}

1;
