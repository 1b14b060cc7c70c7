# README.md is true: the domain it shows is built from the page and passes the
# test it shows, and its table of directives is the runtime's.

use Pando;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);

my $text = do {
    open my $in, '<', "$Pando::ROOT/README.md" or die "README.md: $!\n";
    local $/;
    <$in>;
};


# directives

my %known;

for my $path (glob "$Pando::ROOT/lua-free-handlers/*.c") {
    open my $in, '<', $path or die "$path: $!\n";
    my $code = join '', <$in>;
    $known{$1} = 1
        while $code =~ /\{ ngx_string\("(pando_\w+)"\),\n\s+NGX_HTTP_/g;
}

my ($table) = $text =~ /^\| Directive \|.*?\n\|[-|]+\n(.*?)\n\n/ms;
my %told = map { $_ => 1 } map { /`(pando_[a-z_]*)/g } split /\n/, $table;

cmp_ok scalar(keys %known), '>', 10, 'there are directives';
is join(' ', sort keys %told), join(' ', sort keys %known, 'pando_'),
    'the directives of the page are those of the code';


# the domain of the page, in a tree of its own

my $tree = "$Pando::BUILD/t/readme-tree";
my %files;

system 'rm', '-rf', $tree;
make_path($tree);
system('cp', '-r', (map { "$Pando::ROOT/$_" } qw(config Makefile
       lua-free-handlers sql conf)), $tree) == 0 or die "cp failed\n";
make_path("$tree/t");
system('cp', '-r', "$Pando::ROOT/t/lib", "$Pando::ROOT/t/run", "$tree/t") == 0
    or die "cp failed\n";

while ($text =~ /^`([\w\/.]+)`\n\n```\w+\n(.*?)^```$/msg) {
    $files{$1} = $2;
    make_path(dirname("$tree/$1"));
    open my $out, '>', "$tree/$1" or die "$tree/$1: $!\n";
    print $out $2;
    close $out;
}

is scalar(keys %files), 7, 'seven files make a domain';

my $said;

{
    local %ENV = %ENV;
    delete @ENV{grep { /^PANDO_|^MAKE|^MFLAGS|^BUILD$/ } keys %ENV};
    $said = qx(cd $tree && { make -j2 MODULES=notes BUILD=build &&
        MAKELEVEL=1 BUILD=build t/run prove -It/lib t/notes; } 2>&1);
}

is $?, 0, 'it builds and its test passes' or diag $said;
like $said, qr/All tests successful/;

done_testing;
